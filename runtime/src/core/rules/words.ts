/** The first few names, and how many more there are. */
export function some(names: readonly string[]): string {
    const most = 4;
    return names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}
