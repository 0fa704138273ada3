/** Texts that the language is measured with: made by figures, the same every time. */

/** What the policies of `smallPolicies` refer to: a policy to be like, techniques and groups. */
export const sharedDeclarations = `param uplink: rate = 8 Gbit/s

let quiet = vm.dirty_rate < 40 MiB/s

group web = vms where vm.tags contains "web"
group db = vms where vm.tags contains "db"
group batch = vms where vm.tags contains "batch" and quiet
group rack1 = hosts where host.rack == "r1"
group rack2 = hosts where host.rack == "r2"

/** Ask for a short stop, then throttle, then give up. */
technique patient = precopy {
  downtime 300 ms
  when stalled for 3 iterations: throttle 20% step 10% up to 80%
  after 10 min: abort
}

technique careful(limit: duration = 200 ms) = precopy {
  downtime limit
  after 5 min: abort
}

/** What the others are like. */
policy shared {
  when host is in maintenance
  move vms on host
    except vm.tags contains "pinned"
    order by vm.memory descending
  to hosts where host.zone == source.zone
    keep 10% of memory free
    prefer least loaded
  using patient
  bandwidth { total uplink; per vm at least 100 Mbit/s }
  at most 2 at once per host
  on failure leave and report
}
`;

const groups = ['web', 'db', 'batch'];

/** One policy of six lines, like a shared one. */
function smallPolicy(index: number): string {
    return `policy p${index} like shared priority ${index % 100} {
  move vms in ${groups[index % groups.length] ?? 'web'} on host
  to hosts in rack${(index % 2) + 1} prefer least loaded
  using ${index % 2 === 0 ? 'patient' : 'careful(limit: 100 ms)'}
  require downtime <= ${(index % 20) + 3}00 ms
}
`;
}

const smallOnes = (from: number, count: number): string => Array.from({ length: count }, (_, i) => smallPolicy(from + i)).join('\n');

export const smallPolicies = (count: number): string => `${sharedDeclarations}\n${smallOnes(0, count)}`;

/** Files by name, of which `main.mig` imports the others and each of these what is shared. */
export type Files = ReadonlyMap<string, string>;

export function smallFiles(count: number, files: number): Files {
    const each = Math.ceil(count / files);
    const parts = Array.from({ length: files }, (_, i) => [`part${i}.mig`, `import "shared.mig"\n\n${smallOnes(i * each, each)}`] as const);
    const main = parts.map(([name]) => `import "${name}"\n`).join('');
    return new Map([['main.mig', main], ['shared.mig', sharedDeclarations], ...parts]);
}

/** One policy as a person writes it, with the technique of its own. */
function realPolicy(index: number): string {
    return `/** Empty a host before it is taken down. */
policy evacuate${index} priority ${index % 100} {
  when host is in maintenance
  move vms in ${groups[index % groups.length] ?? 'web'} on host
    except vm.tags contains "pinned"
    order by vm.memory descending
    together by vm.tag.app
  to hosts in rack${(index % 2) + 1} where host.zone == source.zone
    keep 10% of memory free
    apart by vm.tag.role
    prefer least loaded
  using ${index % 2 === 0 ? 'patient' : `careful(limit: ${100 + (index % 300)} ms)`}
  dedup gang + disk
  bandwidth { total uplink; per link 60%; per vm at least 200 Mbit/s
              between 08:00 and 18:00 on Mon..Fri: total 2 Gbit/s }
  at most 4 at once per host, 8 in all
  require downtime <= 500 ms, duration <= 15 min
  on failure retry 2 times every 30 s, then leave and report
}
`;
}

export const realPolicies = (count: number): string =>
    `${sharedDeclarations}\n${Array.from({ length: count }, (_, i) => realPolicy(i)).join('\n')}`;

/** A file of about as many lines, beside an inventory. */
export function policyFile(lines: number): string {
    const head = `inventory "hosts.yaml"\n\n${sharedDeclarations}\n`;
    let text = head;
    for (let index = 0; text.split('\n').length + 8 < lines; index++)
        text += `${index % 3 === 0 ? realPolicy(index) : smallPolicy(index)}\n`;
    return text;
}

/** An inventory of simulated hosts in two racks, and VMs spread over them. */
export function inventory(vms: number): string {
    const hosts = 20;
    const host = (index: number): string => {
        const own = Array.from({ length: vms }, (_, i) => i).filter((i) => i % hosts === index);
        const tags = ['web', 'db', 'batch', 'pinned'];
        const lines = own.map(
            (i) =>
                `      - { name: vm${i}, memory: ${(i % 16) + 1} GiB, tags: { ${tags[i % 4] ?? 'web'}: "", app: "a${i % 140}", role: "r${i % 7}" } }`,
        );
        return `  host${index}:
    driver: simulated
    zone: east
    rack: r${(index % 2) + 1}
    versions: { qemu: 9.2.0, libvirt: 10.10.0 }
    migration: { network: migration, address: 10.0.0.${index + 1} }
    simulated:
      memory: 512 GiB
      cpus: 64
      vms:
${lines.join('\n')}`;
    };
    return `hosts:\n${Array.from({ length: hosts }, (_, index) => host(index)).join('\n')}\n`;
}

/** A Prisma schema of about as many lines: models that refer to each other. */
export function prismaSchema(lines: number): string {
    let text = 'datasource db {\n  provider = "postgresql"\n}\n\n';
    for (let index = 0; text.split('\n').length + 12 < lines; index++) {
        const before =
            index === 0
                ? ''
                : `  parent Model${index - 1}? @relation("r${index}", fields: [parentId], references: [id])\n  parentId Int?\n`;
        text += `/// One of many.\nmodel Model${index} {\n  id Int @id @default(autoincrement())\n  name String @unique\n  created DateTime @default(now())\n  size Int?\n${before}  children Model${index + 1}[] @relation("r${index + 1}")\n\n  @@index([name, size])\n}\n\n`;
    }
    const last = /children Model\d+\[\].*\n(?![\s\S]*children)/;
    return text.replace(last, '\n');
}

/** A YAML document of about as many lines. */
export function yamlDocument(lines: number): string {
    let text = 'policies:\n';
    for (let index = 0; text.split('\n').length + 8 < lines; index++) {
        text += `  - name: p${index}\n    priority: ${index % 100}\n    when: { host: maintenance }\n    move:\n      where: [memory, tags]\n      order: descending\n    require: { downtime: 500 ms, duration: 15 min }\n`;
    }
    return text;
}
