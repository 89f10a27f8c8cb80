//! The merge of one device's claims, names, and the whole list from everything that is said.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement; what is measured is well-formed")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nodedev_merge::{Claim, Policy, base_name, builtin_streams, names_in_group, view};
use nodedev_types::fields::{device, mdev, net};
use nodedev_types::{Capability, DeviceId, DeviceName, Fields, Observation, Revision, SourceId};

const SIZES: [u64; 3] = [100, 1000, 10_000];

/// What udev says of an interface.
fn interface(number: u64) -> (DeviceId, Fields) {
    let path = format!("/sys/devices/virtual/net/b{number}");
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, path.as_str());
    fields.set(device::SUBSYSTEM, "net");
    fields.set(net::INTERFACE, format!("b{number}"));
    fields.set(net::ADDRESS, format!("02:00:00:00:{:02x}:{:02x}", number >> 8 & 255, number & 255));
    fields.set(net::LINK_STATE, "down");
    (DeviceId::sysfs(&path).unwrap(), fields)
}

fn observations(count: u64) -> Vec<Observation> {
    let observation = |number| {
        let (device, fields) = interface(number);
        Observation { source: SourceId::new("udev"), device, revision: Revision(1), fields }
    };
    (0..count).map(observation).collect()
}

fn merge(criterion: &mut Criterion) {
    let policy = Policy::new(builtin_streams()).unwrap();
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(1));

    let (id, fields) = interface(7);
    let udev = SourceId::new("udev");
    let claims = [Claim { source: &udev, fields: &fields }];
    group.bench_function("interface", |b| b.iter(|| policy.merge(black_box(&id), &claims)));

    let id = DeviceId::mdev("aaaaaaaa-0000-4000-8000-000000000001", "0000:00:02.0");
    let sources = ["mdevctl/active", "mdevctl/defined", "udev"].map(SourceId::new);
    let mut fields = [Fields::new(), Fields::new(), Fields::new()];
    fields[1].set(mdev::DEFINED_TYPE, "quarter-1");
    fields[1].set(device::AUTOSTART, true);
    fields[2].set(device::CAPABILITY, Capability::Mdev);
    fields[2].set(
        device::PATH,
        "/sys/devices/pci0000:00/0000:00:02.0/aaaaaaaa-0000-4000-8000-000000000001",
    );
    fields[2].set(mdev::TYPE, "quarter-1");
    let claims: Vec<_> =
        sources.iter().zip(&fields).map(|(source, fields)| Claim { source, fields }).collect();
    group.bench_function("mediated device", |b| b.iter(|| policy.merge(black_box(&id), &claims)));
    group.finish();
}

fn list(criterion: &mut Criterion) {
    let policy = Policy::new(builtin_streams()).unwrap();
    let mut group = criterion.benchmark_group("list from nothing");
    group.sample_size(10);
    for size in SIZES {
        let said = observations(size);
        group.throughput(Throughput::Elements(size));
        group.bench_with_input(BenchmarkId::from_parameter(size), &said, |b, said| {
            b.iter(|| view(&policy, said));
        });
    }
    group.finish();
}

fn names(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("names");
    let (id, fields) = interface(7);
    group.throughput(Throughput::Elements(1));
    group.bench_function("own", |b| b.iter(|| base_name(black_box(&id), &fields)));
    let ids: Vec<_> = (0..10).map(|number| interface(number).0).collect();
    group.throughput(Throughput::Elements(10));
    let base = DeviceName::new("net_b_02_00_00_00_00_00");
    group.bench_function("ten that collide", |b| {
        b.iter(|| names_in_group(black_box(&base), &ids, |_| false));
    });
    group.finish();
}

criterion_group!(benches, merge, list, names);
criterion_main!(benches);
