//! The protocol: a list and an event as bytes and back, and frames out of a stream.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement; what is measured is well-formed")]

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nodedev_rpc::{
    Frame, FrameDecoder, Header, Lifecycle, LifecycleEvent, List, ListAllReply, MAX_FRAME_LEN,
    NodeDevice, Status, Xdr, from_payload,
};

const SIZES: [u32; 3] = [100, 5000, 50_000];

fn list_of(count: u32) -> ListAllReply {
    let device = |number| NodeDevice { name: format!("pci_0000_{number:05x}_00_0") };
    ListAllReply { devices: List((0..count).map(device).collect()), count }
}

fn payload(value: &impl Xdr) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out).unwrap();
    out
}

fn lists(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("list");
    for size in SIZES {
        let list = list_of(size);
        let bytes = payload(&list);
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_with_input(BenchmarkId::new("encode", size), &list, |b, list| {
            b.iter(|| payload(list));
        });
        group.bench_with_input(BenchmarkId::new("decode", size), &bytes, |b, bytes| {
            b.iter(|| from_payload::<ListAllReply>(bytes).unwrap());
        });
        let header = Header::call(285, 1).reply(Status::Ok);
        let frame = Frame::bytes_of(&header, &list).unwrap();
        group.bench_with_input(BenchmarkId::new("frame", size), &frame, |b, frame| {
            let arrive = || {
                let mut decoder = FrameDecoder::new(MAX_FRAME_LEN);
                // As a socket gives them.
                for piece in frame.chunks(64 << 10) {
                    decoder.push(piece);
                    black_box(decoder.next().unwrap());
                }
            };
            b.iter_batched(|| (), |()| arrive(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(1));
    let event = LifecycleEvent {
        callback: 1,
        device: NodeDevice { name: "net_b7_02_00_00_00_00_07".to_owned() },
        event: Lifecycle::Created,
        detail: 0,
    };
    let bytes = payload(&event);
    group.bench_function("encode", |b| b.iter(|| payload(black_box(&event))));
    group.bench_function("decode", |b| {
        b.iter(|| from_payload::<LifecycleEvent>(black_box(&bytes)).unwrap());
    });
    group.finish();
}

criterion_group!(benches, lists, events);
criterion_main!(benches);
