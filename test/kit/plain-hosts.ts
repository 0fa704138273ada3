/** A lab's inventory, its hosts driven by plain QEMU. */
import { parse, stringify } from 'yaml';

interface Written {
    hosts: Record<string, Record<string, unknown>>;
    vm_tags?: unknown;
}

/** `bend` changes it further. */
export function drivenByQemu(inventory: string, bend: (inventory: Written) => void = () => undefined): string {
    const written = parse(inventory) as Written;
    for (const host of Object.values(written.hosts)) host['driver'] = 'qemu';
    bend(written);
    return stringify(written);
}
