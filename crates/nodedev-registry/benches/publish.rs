//! The registry: the first list, what one more change costs in a long list, and lookups by name.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement; what is measured is well-formed")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nodedev_merge::builtin_streams;
use nodedev_registry::{Registry, Subscription};
use nodedev_source::{NodeDeviceSource, SourceInfo};
use nodedev_source_testkit::{ScriptedHost, ScriptedSource};
use nodedev_types::fields::{device, net};
use nodedev_types::{Capability, DeviceId, Fields, SourceId};
use tokio::runtime::Runtime;

const SIZES: [u64; 3] = [100, 1000, 10_000];

fn interface(number: u64) -> (DeviceId, Fields) {
    let path = format!("/sys/devices/virtual/net/b{number}");
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, path.as_str());
    fields.set(device::SUBSYSTEM, "net");
    fields.set(net::INTERFACE, format!("b{number}"));
    fields.set(net::ADDRESS, format!("02:00:00:00:{:02x}:{:02x}", number >> 8 & 255, number & 255));
    (DeviceId::sysfs(&path).unwrap(), fields)
}

/// A udev that knows so many interfaces.
fn host(count: u64) -> (Arc<ScriptedSource>, ScriptedHost) {
    let udev = builtin_streams().into_iter().find(|stream| stream.id.as_str() == SourceId::UDEV);
    let info = SourceInfo::new("udev", "1").with_stream(udev.unwrap());
    let (source, host) = ScriptedSource::with_info(info);
    for number in 0..count {
        let (id, fields) = interface(number);
        host.set(&id, fields);
    }
    (source, host)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn start(source: Arc<dyn NodeDeviceSource>) -> Registry {
    Registry::builder().source(source).start().unwrap()
}

fn first_list(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("first list");
    group.sample_size(10);
    for size in SIZES {
        let (runtime, (_, host)) = (runtime(), host(size));
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let registry = start(host.source());
                    registry.ready().await;
                    black_box(registry.snapshot().len());
                    registry.shutdown().await;
                });
            });
        });
    }
    group.finish();
}

/// A device comes, and goes: two published lists, and two batches of events.
fn one_change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a device comes and goes");
    for size in SIZES {
        let (runtime, (source, host)) = (runtime(), host(size));
        let (id, fields) = interface(size);
        let (registry, mut events) = runtime.block_on(async {
            let registry = start(source);
            registry.ready().await;
            let (_, events) = registry.subscribe();
            (registry, events)
        });
        group.throughput(Throughput::Elements(2));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| runtime.block_on(come_and_go(&host, &mut events, &id, &fields)));
        });
        runtime.block_on(registry.shutdown());
    }
    group.finish();
}

async fn come_and_go(
    host: &ScriptedHost,
    events: &mut Subscription,
    id: &DeviceId,
    fields: &Fields,
) {
    host.set(id, fields.clone());
    black_box(events.next().await.unwrap());
    host.remove(id);
    black_box(events.next().await.unwrap());
}

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    group.throughput(Throughput::Elements(1));
    for size in SIZES {
        let (runtime, (source, _host)) = (runtime(), host(size));
        let registry = runtime.block_on(async {
            let registry = start(source);
            registry.ready().await;
            registry
        });
        let list = registry.snapshot();
        let name = list.devices().nth(list.len() / 2).unwrap().name.to_string();
        group.bench_function(BenchmarkId::new("by name", size), |b| {
            b.iter(|| list.device(black_box(&name)).unwrap());
        });
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::new("all", size), |b| {
            b.iter(|| list.devices().map(|device| device.name.as_str().len()).sum::<usize>());
        });
        runtime.block_on(registry.shutdown());
    }
    group.finish();
}

criterion_group!(benches, first_list, one_change, lookup);
criterion_main!(benches);
