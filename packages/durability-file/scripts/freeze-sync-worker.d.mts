/** The code of the compiled module with the text of its worker in place of the call that asks for it. */
export function frozen(code: string, text: string): string;
