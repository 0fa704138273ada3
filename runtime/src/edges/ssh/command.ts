/** A command line that a POSIX shell reads back as exactly these arguments. SSH has no other way to hand them over. */
export function shellCommand(argv: readonly string[]): string {
    return argv.map(quoted).join(' ');
}

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;

function quoted(argument: string): string {
    return plain.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
