/** One of everything, or nearly so: a file that uses every clause of the language. */
export const tour = `inventory "rack.yaml"
import "techniques.mig"

param uplink: rate = 8 Gbit/s between 1 Gbit/s and 40 Gbit/s // overridden with --set uplink=2Gbit/s
param tier: string = "web" one of "web", "db"
param zones: set of string = ["east", "west"] one of "east", "west", "north"

/** Nothing is moved over the holidays. */
calendar freeze = [2026-12-24..2027-01-01, 2027-04-02]

let hot = vm.dirty_rate > 100 MiB/s
group web = vms where vm.tags contains "web"
group rack40 = hosts where host.rack == "40"

/** Ask nicely, then throttle, then switch to post-copy; never run for ever. */
technique patient = precopy {
  downtime 300 ms
  when stalled for 3 iterations: downtime 450 ms
  when stalled for 5 iterations: throttle 20% step 10% up to 80%
  after 2 min and iteration >= 2: switch to postcopy
  after 10 min: abort
}

technique careful(limit: duration, cap: rate = 1 Gbit/s) = precopy {
  downtime limit
  streams 4
  compression zstd level 3
  tls
  never postcopy, throttle
  zero-copy
  switchover-ack
  dirty-limit 40 MiB/s
  storage copy "vda" at most 40 MiB/s shared "vdb", "vdc"
  when iteration 5: bandwidth cap
  when remaining < 64 MiB: report
  after 10 min: abort
}

/** Empty a host before it is taken down. */
policy evacuate priority 10 {
  when host is in maintenance
  move vms on host
    except vm.tags contains "pinned"
    order by vm.memory descending
    together by vm.tag.app
  to hosts where host.zone == source.zone
    keep 10% of memory free
    apart by vm.tag.role
    prefer least loaded
  using patient
  dedup gang + disk
  bandwidth {
    total uplink
    per link 60%
    per vm at least 200 Mbit/s
    between 08:00 and 18:00 on Mon..Fri except freeze: total 2 Gbit/s
  }
  at most 4 at once per host, 8 in all
  require downtime <= 500 ms, duration <= 15 min
  on failure retry 2 times every 30 s, then leave and report
}

/** Answer a demand surge with the least memory moved. */
policy relieve {
  when host.memory.working_set > 90% for 1 min until host.memory.working_set < 75%
  move vms on host
    order by vm.working_set ascending
    until host.memory.working_set < 75%
  to hosts where host.zone in zones prefer most free memory
  using agile otherwise scatter-gather via 2 hosts otherwise postcopy
  cooldown 10 min
}

/** Complement the traffic of the applications. */
policy rebalance {
  at 02:00 every Sat in "Europe/Berlin" or when cluster.cpu.imbalance > 20% for 15 min
  move vms where not hot limit 10
  to hosts prefer even load when gain > 5%
  using choose {
    vm.net.tx > 2 * vm.net.rx: postcopy
    vm.net.rx > 2 * vm.net.tx: precopy
    otherwise: least duration with downtime <= 200 ms
  }
  cooldown 30 min
}

/** Consolidate at night and switch hosts off. */
policy pack {
  every day at 22:00 except freeze for 6 h at end cap 500 Mbit/s
  move vms on hosts where host.cpu < 20% for 30 min
  to hosts
    prefer fullest
    keep 1 host of spare capacity
  using hybrid
  then power off emptied hosts
}

policy urgent like evacuate priority 1000 preempt {
  when host is failing and not between 22:00 and 05:00 and not on weekends, freeze
  move vms in web on host
    triage by vm.memory
    immovable: shut down vm within 5 min
    quiet when vm.dirty_rate < 40 MiB/s for 30 s
    only if host becomes empty
  to hosts anywhere in rack40
    with same vm.tag.app
    with network "storage"
    with device "gpu"
    keep 4 GiB of hugepages of 1 GiB free per numa node
    otherwise restart elsewhere if fenced
  using careful(limit: 100 ms)
  deadline 5 min waive require, bandwidth, apart
  verify tcp 22 from "probe" within 5 s otherwise report
  before each move on source run "/usr/local/bin/quiesce", "--now" within 10 s
  never during move of vm "db2"
  start vms where vm.tag.tier == tier before vms in web
}

sequence kernels for each host in rack40 in waves of 2
  keep 1 host of spare capacity
  start between 22:00 and 05:00 on workdays except freeze in "Europe/Berlin" finish inside continue next night
  halt plan after 1 failed host
{
  drain using patient otherwise quick
  run "apt-get", "upgrade" within 30 min
  reboot within 10 min
  wait until host is healthy within 15 min
  return moved vms
}

scenario "a rack drain stays in its window" {
  given host "a" is in maintenance
  given vm "db1" { dirty_rate: 400 MiB/s, memory: 32 GiB }
  run evacuate
  expect moved vms == 6
  expect duration < 4 min
  expect vm "db1" downtime < 300 ms
  expect every host memory.used < 90%
}
`;

/** What the tour imports. */
export const techniques = `technique quick = precopy {
  downtime 50 ms
  after 1 min: abort
}
`;

/** A policy as a person would write it first. */
export const evacuate = `inventory "lab.yaml"

param uplink: rate = 1 Gbit/s // what the moves may take in all; override with --set uplink=400Mbit/s

/** Ask for a short stop, and never run for ever. */
technique patient = precopy {
  downtime 300 ms
  after 5 min: abort
}

/** Empty a host before it is taken down. */
policy evacuate priority 10 {
  when host is in maintenance
  move vms on host
    except vm.tags contains "pinned"
    order by vm.memory descending
  to hosts where host.zone == source.zone
    keep 10% of memory free
    apart by vm.tag.role
    prefer least loaded
  using patient
  bandwidth { total uplink; per vm 800 Mbit/s }
  at most 2 at once per host
  require downtime <= 500 ms
  on failure leave and report
}
`;
