export {
  anyKey,
  anyKeyPart,
  anyName,
  anyRunName,
  anySpaceName,
  anyText,
  anyValue,
  type AnyValueOptions,
} from "./arbitraries.js";
export { anyHostileInput, anyMutation } from "./hostile.js";
