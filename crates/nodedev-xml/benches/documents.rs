//! Documents, written and read: a network interface and a PCI function with virtual functions.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measurement; what is measured is well-formed")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nodedev_types::fields::{device, net, pci};
use nodedev_types::{Capability, Device, DeviceId, DeviceName, Fields, PciAddress};
use nodedev_xml::{Form, read, validate, write};

fn device_at(name: &str, path: &str, fields: Fields) -> Device {
    Device {
        name: DeviceName::new(name),
        id: DeviceId::sysfs(path).unwrap(),
        parent: Some(DeviceName::new("computer")),
        active: true,
        persistent: false,
        autostart: false,
        fields,
    }
}

fn interface() -> Device {
    let path = "/sys/devices/virtual/net/b7";
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Net);
    fields.set(device::PATH, path);
    fields.set(net::INTERFACE, "b7");
    fields.set(net::ADDRESS, "02:00:00:00:00:07");
    fields.set(net::LINK_STATE, "down");
    let features = ["rx", "tx", "sg", "tso", "gso", "gro", "txvlan", "rxhash"];
    fields.set(net::FEATURES, features.map(str::to_owned).to_vec());
    device_at("net_b7_02_00_00_00_00_07", path, fields)
}

fn function() -> Device {
    let path = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0";
    let address = |text: &str| text.parse::<PciAddress>().unwrap();
    let mut fields = Fields::new();
    fields.set(device::CAPABILITY, Capability::Pci);
    fields.set(device::PATH, path);
    fields.set(device::DRIVER, "mlx5_core");
    fields.set(pci::CLASS, 0x02_0000_u64);
    fields.set(pci::ADDRESS, address("0000:01:00.0"));
    fields.set(pci::PRODUCT_ID, 0x101d_u64);
    fields.set(pci::PRODUCT_NAME, "Model & more");
    fields.set(pci::VENDOR_ID, 0x15b3_u64);
    fields.set(pci::VENDOR_NAME, "Vendor");
    fields.set(pci::VIRT_FUNCTIONS_MAX_COUNT, 63_u64);
    let functions = (1..64).map(|n| address(&format!("0000:01:{:02x}.{}", n / 8, n % 8)));
    fields.set(pci::VIRT_FUNCTIONS, functions.collect::<Vec<_>>());
    fields.set(pci::IOMMU_GROUP, 7_u64);
    fields.set(pci::IOMMU_GROUP_ADDRESSES, vec![address("0000:01:00.0")]);
    device_at("pci_0000_01_00_0", path, fields)
}

fn documents(criterion: &mut Criterion) {
    for (name, device) in [("interface", interface()), ("PCI function with 63 more", function())] {
        let document = write(&device, Form::Live);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        group.bench_function("write", |b| b.iter(|| write(black_box(&device), Form::Live)));
        group.bench_function("read", |b| b.iter(|| read(black_box(&document)).unwrap()));
        group.bench_function("validate", |b| b.iter(|| validate(black_box(&document)).is_ok()));
        group.finish();
    }
}

criterion_group!(benches, documents);
criterion_main!(benches);
