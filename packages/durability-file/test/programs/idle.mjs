// Says that it runs, and waits to be killed.
console.log("running");
process.stdin.resume();
