/** What a Linux guest does, as the script that its kernel starts first. Pure. */

/** Services by TCP port. Everything else is closed, and its kernel says so with an RST. */
export const services = {
    /** Sends back what it is sent. */
    echo: 7,
    /** Takes what it is sent: traffic into the guest. */
    discard: 9,
    /** The guest's boot id and its uptime in seconds, one a line. */
    status: 13,
    /** The MD5 sum of what it filled its memory with, worked out anew. */
    content: 17,
    /** Sends without end: traffic out of the guest. */
    flood: 19,
} as const;

/** The channel that the guest's agent opens, where the guest has it. */
export const agentChannel = 'org.qemu.guest_agent.0';

/** As much of qemu-guest-agent as tells that the guest answers. Its port gets its name some time after its driver is there. */
const agent: readonly string[] = [
    'agent() {',
    '    exec 3<>"$1"',
    '    while :; do',
    '        while read -r line <&3; do',
    `            id=\${line##*'"id":'} id=\${id%%\\}*}`,
    '            case $line in',
    `                *'"guest-sync-delimited"'*) printf '\\377{"return": %s}\\n' "$id" >&3 ;;`,
    `                *'"guest-sync"'*) printf '{"return": %s}\\n' "$id" >&3 ;;`,
    `                *'"guest-ping"'*) printf '{"return": {}}\\n' >&3 ;;`,
    // Whoever asks for more has to do without: libvirt presses the power button then.
    `                *) printf '{"error": {"class": "CommandNotFound", "desc": "no such command"}}\\n' >&3 ;;`,
    '            esac',
    '        done',
    // Nobody is connected.
    '        sleep 0.1',
    '    done',
    '}',
    'for driver in /sys/bus/virtio/drivers/virtio_console/virtio*; do',
    '    [ -e "$driver" ] || continue',
    '    {',
    '        tries=0',
    '        while [ "$tries" -lt 100 ]; do',
    '            for port in /sys/class/virtio-ports/*; do',
    `                [ "$(cat "$port/name" 2>/dev/null)" = ${agentChannel} ] && agent "/dev/\${port##*/}"`,
    '            done',
    '            sleep 0.1',
    '            tries=$((tries + 1))',
    '        done',
    '    } &',
    'done',
];

/** Told on the serial port once the guest answers the network. */
export const readyLine = 'guest ready';

/**
 * `modules` in the order in which they are loaded. The kernel hands words of its command line that it does not know to
 * init as environment: GUEST_ADDRESS with its prefix length, GUEST_GATEWAY, and GUEST_FILL in MiB.
 */
export function initScript(modules: readonly string[]): string {
    return [
        '#!/bin/sh',
        'export PATH=/bin',
        'mount -t proc proc /proc',
        'mount -t sysfs sysfs /sys',
        'mount -t devtmpfs dev /dev',
        ...modules.map((name) => `insmod /lib/${name}.ko`),
        // Its power button is the first input of that name: with the first word from it the guest goes off.
        'for input in /sys/class/input/event*; do',
        '    [ "$(cat "$input/device/name")" = "Power Button" ] || continue',
        '    { dd if="/dev/input/${input##*/}" of=/dev/null bs=24 count=1 2>/dev/null && poweroff -f; } &',
        "    echo 'guest heeds its power button' >/dev/ttyS0",
        '    break',
        'done',
        ...agent,
        'ip link set lo up',
        'ip address add "$GUEST_ADDRESS" dev eth0',
        'ip link set eth0 up',
        // Content that neither compresses nor is zero, so that there is something to move.
        'mkdir /fill',
        'mount -t tmpfs -o size=95% fill /fill',
        '[ "${GUEST_FILL:-0}" = 0 ] || dd if=/dev/urandom of=/fill/memory bs=1M count="$GUEST_FILL" 2>/dev/null',
        `nc -ll -p ${services.echo} -e cat &`,
        `nc -ll -p ${services.discard} -e dd of=/dev/null bs=64k &`,
        `nc -ll -p ${services.flood} -e dd if=/dev/zero bs=64k &`,
        `nc -ll -p ${services.status} -e cat /proc/sys/kernel/random/boot_id /proc/uptime &`,
        `nc -ll -p ${services.content} -e md5sum /fill/memory &`,
        // Who answers here has the way to the guest, and its bridges know it.
        'until ping -c 1 -W 1 "$GUEST_GATEWAY" >/dev/null; do :; done',
        `echo '${readyLine}' >/dev/ttyS0`,
        // The first process inherits orphans; waiting reaps them.
        'while :; do sleep 86400 & wait $!; done',
        '',
    ].join('\n');
}
