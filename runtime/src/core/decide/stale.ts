import { formatQuantity } from '@mig/language';
import type { Assumption, Plan, Reason } from '../model/plan.js';
import type { HostState, Snapshot } from '../model/snapshot.js';
import { vmIn } from './assumptions.js';

/** Why a plan no longer holds, by what is true now; empty while it does. */
export function whyStale(plan: Plan, now: Snapshot): readonly Reason[] {
    const hosts = new Map(now.hosts.map((host) => [host.name, host]));
    return plan.assumptions.flatMap((assumption) => {
        const text = broken(assumption, now, hosts);
        return text === undefined ? [] : [{ text }];
    });
}

function broken(assumption: Assumption, now: Snapshot, hosts: ReadonlyMap<string, HostState>): string | undefined {
    if ('host' in assumption && assumption.kind !== 'vm-on-host') {
        const host = hosts.get(assumption.host);
        if (!host) return `${assumption.host} is no longer in the inventory`;
        // One reason is enough for a host that is silent.
        if (host.unreachable !== undefined)
            return assumption.kind === 'host-boot' ? `${host.name} does not answer: ${host.unreachable}` : undefined;
        return brokenAt(host, assumption);
    }
    const vm = vmIn(now, assumption.vm, assumption.kind === 'vm-on-host' ? assumption.host : undefined);
    switch (assumption.kind) {
        case 'vm-on-host':
            if (!vm) return `${assumption.name} is gone from ${assumption.host}`;
            return vm.host === assumption.host ? undefined : `${assumption.name} is on ${vm.host}, and was on ${assumption.host}`;
        case 'vm-memory':
            if (!vm || vm.memory === assumption.memory) return undefined;
            return `${assumption.name} has ${size(vm.memory)} of memory, and had ${size(assumption.memory)}`;
        case 'vm-state':
            if (!vm || sameState(vm.state, assumption.state)) return undefined;
            return `${assumption.name} is ${vm.state}, and was ${assumption.state}`;
    }
}

function brokenAt(
    host: HostState,
    assumption: Extract<Assumption, { kind: 'host-boot' | 'host-maintenance' | 'host-memory' }>,
): string | undefined {
    switch (assumption.kind) {
        case 'host-boot':
            return host.bootId === assumption.bootId ? undefined : `${host.name} has been rebooted`;
        case 'host-maintenance':
            if (host.maintenance === assumption.maintenance) return undefined;
            return host.maintenance ? `${host.name} is in maintenance now` : `${host.name} is no longer in maintenance`;
        case 'host-memory':
            if (host.memoryFree >= assumption.atLeastFree) return undefined;
            return `${host.name} has ${size(host.memoryFree)} of memory free, and the plan needs ${size(assumption.atLeastFree)}`;
    }
}

/** A running guest that waits for a device is reported as blocked from one moment to the next. */
const sameState = (a: string, b: string): boolean => (a === 'blocked' ? 'running' : a) === (b === 'blocked' ? 'running' : b);

const size = (bytes: number): string => formatQuantity(bytes, 'size');
