//! Documents that are refused, and why; documents that are odd and accepted.

use std::error::Error as _;

use nodedev_types::fields::{self, mdev, net, storage};
use nodedev_xml::{Document, Error, Form, MAX_LEN, read};

/// A document with that inside the capability of that type.
fn with_capability(kind: &str, content: &str) -> String {
    format!("<device><name>n</name><capability type='{kind}'>{content}</capability></device>")
}

fn refused(xml: &str) -> Error {
    match read(xml) {
        Ok(document) => panic!("accepted: {xml}: {document:?}"),
        Err(error) => error,
    }
}

fn accepted(xml: &str) -> Document {
    match read(xml) {
        Ok(document) => document,
        Err(error) => panic!("refused: {xml}: {error}"),
    }
}

#[test]
fn a_document_that_is_none_of_a_device_is_refused() {
    for (xml, message) in [
        ("", "not well-formed XML"),
        ("<device>", "not well-formed XML"),
        ("<device><name>&unknown;</name></device>", "not well-formed XML"),
        ("<device><name>\u{1f}</name></device>", "not well-formed XML"),
        (
            "<!DOCTYPE device [<!ENTITY e 'x'>]><device><name>&e;</name></device>",
            "document type definitions are not accepted",
        ),
        ("<domain/>", "root element is `domain`, not `device`"),
        ("<device/>", "element `device/name` is missing"),
        ("<device><name></name></device>", "element `device/name` is missing"),
    ] {
        assert_eq!(refused(xml).to_string(), message, "{xml}");
    }
}

#[test]
fn broken_xml_says_where() {
    let source = refused("<device>\n<name>x</nam></device>").source().map(ToString::to_string);
    assert!(source.as_deref().is_some_and(|s| s.contains("2:")), "{source:?}");
}

#[test]
fn a_document_is_read_up_to_the_limit_only() {
    let document = |padding| format!("<device><name>n</name>{}</device>", " ".repeat(padding));
    let padding = MAX_LEN - document(0).len();
    accepted(&document(padding));
    assert_eq!(
        refused(&document(padding + 1)).to_string(),
        "document of 1048577 bytes is longer than the 1048576 bytes that are accepted",
    );
}

#[test]
fn nesting_up_to_the_limit_does_no_harm() {
    let depth = MAX_LEN / 8;
    let (open, close) = ("<a>".repeat(depth), "</a>".repeat(depth));
    accepted(&format!("<device><name>n</name>{open}{close}</device>"));
}

#[test]
fn a_devnode_has_a_known_type() {
    let with = |node: &str| format!("<device><name>n</name>{node}</device>");
    for (node, message) in [
        ("<devnode>/dev/x</devnode>", "attribute `type` of element `device/devnode` is missing"),
        (
            "<devnode type='block'>/dev/x</devnode>",
            "attribute `type` of element `device/devnode`: `block` is not `dev` or `link`",
        ),
    ] {
        assert_eq!(refused(&with(node)).to_string(), message, "{node}");
    }
}

#[test]
fn there_is_one_main_capability_of_a_known_type() {
    for (xml, message) in [
        (
            "<device><name>n</name><capability/></device>",
            "attribute `type` of element `device/capability` is missing",
        ),
        (
            &*with_capability("magic", ""),
            "attribute `type` of element `device/capability`: `magic` is not the main capability \
             of any device",
        ),
        (
            &*with_capability("fc_host", ""),
            "attribute `type` of element `device/capability`: `fc_host` is not the main \
             capability of any device",
        ),
        (
            "<device><name>n</name><capability type='usb'/><capability type='drm'/></device>",
            "element `device/capability` appears 2 times, expected once",
        ),
    ] {
        assert_eq!(refused(xml).to_string(), message, "{xml}");
    }
}

#[test]
fn values_in_a_capability_are_checked_and_named() {
    let in_range = "is not a decimal number in range";
    for (kind, content, at, problem) in [
        ("pci", "<class>red</class>", "`class", "`red` is not a hexadecimal number"),
        ("pci", "<domain>0</domain><bus>0</bus>", "`slot", "is missing"),
        (
            "pci",
            "<domain>0</domain><bus>256</bus><slot>0</slot><function>0</function>",
            "`bus",
            &format!("`256` {in_range}"),
        ),
        ("pci", "<product/>", "`id` of `product", "is missing"),
        ("pci", "<vendor id='0xgg'/>", "`id` of `vendor", "`0xgg` is not a hexadecimal number"),
        ("pci", "<numa node='-1'/>", "`node` of `numa", &format!("`-1` {in_range}")),
        (
            "pci",
            "<capability type='phys_function'></capability>",
            "`capability/address",
            "is missing",
        ),
        (
            "pci",
            "<capability type='virt_functions' maxCount='many'/>",
            "`maxCount` of `capability",
            &format!("`many` {in_range}"),
        ),
        ("pci", "<iommuGroup/>", "`number` of `iommuGroup", "is missing"),
        (
            "pci",
            "<iommuGroup number='1'><address domain='0' bus='0x100' slot='0' function='0'/>\
             </iommuGroup>",
            "`bus` of `iommuGroup/address",
            "`0x100` is not a hexadecimal number of 8 bits",
        ),
        (
            "pci",
            "<iommuGroup number='1'><address domain='0' bus='0' slot='0' function='0xf'/>\
             </iommuGroup>",
            "`function` of `iommuGroup/address",
            "`0xf` is not the number of a function",
        ),
        (
            "pci",
            "<pci-express><link validity='maybe' width='1'/></pci-express>",
            "`validity` of `pci-express/link",
            "`maybe` is not `cap` or `sta`",
        ),
        (
            "pci",
            "<pci-express><link validity='cap'/></pci-express>",
            "`width` of `pci-express/link",
            "is missing",
        ),
        (
            "pci",
            "<pci-express><link validity='cap' speed='fast' width='1'/></pci-express>",
            "`speed` of `pci-express/link",
            "`fast` is not the speed of a link",
        ),
        (
            "pci",
            "<capability type='vpd'><fields access='none'/></capability>",
            "`access` of `capability/fields",
            "`none` is not `readonly` or `readwrite`",
        ),
        (
            "pci",
            "<capability type='vpd'><fields access='readwrite'><system_field index='10'/>\
             </fields></capability>",
            "`index` of `capability/fields/system_field",
            "`10` is not one character",
        ),
        (
            "pci",
            "<capability type='mdev_types'><type><name>x</name></type></capability>",
            "`id` of `capability/type",
            "is missing",
        ),
        (
            "mdev_types",
            "<capability type='mdev_types'><type id='x'/></capability>",
            "`capability/type/deviceAPI",
            "is missing",
        ),
        (
            "mdev_types",
            "<capability type='mdev_types'><type id='x'><deviceAPI>y</deviceAPI>\
             <availableInstances>many</availableInstances></type></capability>",
            "`capability/type/availableInstances",
            &format!("`many` {in_range}"),
        ),
        ("usb_device", "<bus>one</bus>", "`bus", &format!("`one` {in_range}")),
        ("usb_device", "<product>x</product>", "`id` of `product", "is missing"),
        ("usb", "<class>0x08</class>", "`class", &format!("`0x08` {in_range}")),
        ("net", "<link speed='fast'/>", "`speed` of `link", &format!("`fast` {in_range}")),
        ("net", "<capability/>", "`type` of `capability", "is missing"),
        (
            "net",
            "<capability type='80216'/>",
            "`type` of `capability",
            "`80216` is not `80203` or `80211`",
        ),
        ("net", "<feature/>", "`name` of `feature", "is missing"),
        (
            "scsi_host",
            "<capability type='vport_ops'><vports>some</vports></capability>",
            "`capability/vports",
            &format!("`some` {in_range}"),
        ),
        ("ccw", "<devno>0xno</devno>", "`devno", "`0xno` is not a hexadecimal number"),
        (
            "css",
            "<channel_dev_addr><ssid/></channel_dev_addr>",
            "`channel_dev_addr/ssid",
            "`` is not a hexadecimal number",
        ),
        (
            "ccwgroup",
            "<members><ccw_device>x</ccw_device></members>",
            "`ref` of `members/ccw_device",
            "is missing",
        ),
        (
            "ccwgroup",
            "<capability type='lcs'/>",
            "`type` of `capability",
            "`lcs` is not a kind of qeth group",
        ),
        (
            "ap_card",
            "<ap-adapter>ten</ap-adapter>",
            "`ap-adapter",
            "`ten` is not a hexadecimal number",
        ),
        ("ap_queue", "<ap-domain/>", "`ap-domain", "`` is not a hexadecimal number"),
        ("scsi_host", "<unique_id/>", "`unique_id", &format!("`` {in_range}")),
        (
            "scsi",
            "<lun>18446744073709551616</lun>",
            "`lun",
            &format!("`18446744073709551616` {in_range}"),
        ),
        ("storage", "<size>1 GB</size>", "`size", &format!("`1 GB` {in_range}")),
        (
            "storage",
            "<capability type='removable'><media_available>yes</media_available></capability>",
            "`capability/media_available",
            "`yes` is not `0` or `1`",
        ),
        ("mdev", "<type/>", "`id` of `type", "is missing"),
        (
            "mdev",
            "<iommuGroup number='none'/>",
            "`number` of `iommuGroup",
            &format!("`none` {in_range}"),
        ),
    ] {
        let separator = if problem == "is missing" { " " } else { ": " };
        let below = "element `device/capability/";
        let place = match at.split_once(" of `") {
            Some((attribute, element)) => format!("attribute {attribute} of {below}{element}`"),
            None => format!("{below}{}`", at.trim_start_matches('`')),
        };
        assert_eq!(
            refused(&with_capability(kind, content)).to_string(),
            format!("{place}{separator}{problem}"),
            "{kind}: {content}",
        );
    }
}

#[test]
fn order_and_unknown_elements_do_not_matter() {
    let document = accepted(
        "<?xml version='1.0'?><!-- by hand -->
         <device><capability type='net'><later/><capability type='80203'/>
           <interface>eth0</interface><interface>eth1</interface></capability>
           <driver/><parent>p</parent><name>n</name></device>",
    );
    assert_eq!(document.name.as_str(), "n");
    assert_eq!(document.parent.as_ref().map(|name| name.as_str()), Some("p"));
    assert_eq!(document.fields.get(net::INTERFACE), Some("eth0"));
    assert_eq!(document.fields.get(net::SUBTYPE), Some("80203"));
    assert_eq!(document.fields.get(fields::device::DRIVER), None);
}

#[test]
fn the_first_device_node_counts_and_an_empty_parent_is_none() {
    let document = accepted(
        "<device><name>n</name><parent></parent><devnode type='dev'>/dev/a</devnode>
           <devnode type='link'>/dev/l</devnode><devnode type='dev'>/dev/b</devnode></device>",
    );
    assert_eq!(document.parent, None);
    assert_eq!(document.fields.get(fields::device::DEVNODE), Some("/dev/a"));
    let links = document.fields.get(fields::device::DEVLINKS).unwrap();
    assert_eq!(links, ["/dev/l"]);
}

#[test]
fn absent_elements_leave_their_fields_absent() {
    let document = accepted(&with_capability("storage", "<serial></serial>"));
    assert_eq!(document.parent, None);
    assert_eq!(document.fields.get(storage::SERIAL), Some(""));
    assert_eq!(document.fields.len(), 2, "{:?}", document.fields);
}

#[test]
fn an_mdev_without_a_path_is_a_definition() {
    let content = "<type id='t'/><attr name='a' value='1'/><attr name='b'/><attr value='2'/>";
    let xml = with_capability("mdev", content);
    let defined = accepted(&xml);
    assert_eq!(defined.form, Form::Inactive);
    assert_eq!(defined.fields.get(mdev::DEFINED_TYPE), Some("t"));
    assert_eq!(defined.fields.get(mdev::TYPE), None);
    let attributes = defined.fields.get(mdev::DEFINED_ATTRIBUTES).unwrap();
    assert_eq!(attributes.len(), 1, "half an attribute is none: {attributes:?}");

    let live = accepted(&xml.replace("<capability", "<path>/sys/devices/x</path><capability"));
    assert_eq!(live.form, Form::Live);
    assert_eq!(live.fields.get(mdev::TYPE), Some("t"));
    assert_eq!(live.fields.get(mdev::DEFINED_TYPE), None);
}
