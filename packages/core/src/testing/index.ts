export {
  type AnyValueOptions,
  anyKey,
  anyKeyPart,
  anyName,
  anyRunName,
  anySpaceName,
  anyText,
  anyValue,
} from "./arbitraries.js";
export { anyHostileInput, anyMutation } from "./hostile.js";
