export function compileKernel(isRelaxed: boolean): Promise<Uint8Array>;
export function kernelBytesSource(): Promise<string>;
