//! The page of metrics names every family that is shown, and no other.

use std::path::Path;

use crate::openmetrics::Families;
use crate::scrape::Rig;

const BEGIN: &str = "<!-- families: begin -->\n";
const END: &str = "<!-- families: end -->";

/// The table as it should be.
fn table(families: &Families) -> String {
    let mut table =
        "\n| family | type | labels | what it says |\n| --- | --- | --- | --- |\n".to_owned();
    for (name, family) in families {
        let mut labels: Vec<_> = family.samples.iter().flat_map(|s| s.labels.keys()).collect();
        labels.sort();
        labels.dedup();
        let labels = labels.into_iter().filter(|label| *label != "le");
        let labels: Vec<_> = labels.map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "-".to_owned() } else { labels.join(", ") };
        table += &format!("| `{name}` | {} | {labels} | {}. |\n", family.kind, family.help);
    }
    table + "\n"
}

/// With `NODEDEV_WRITE_DOCS=1` it writes the table into the page instead.
#[tokio::test]
async fn the_page_names_every_family() {
    let rig = Rig::start().await;
    rig.plug("eth0");
    rig.host.resync("test");
    let mut client = nodedev_varlink::Client::connect(&rig.socket("varlink")).await.unwrap();
    client.sources().await.unwrap();
    crate::call_unknown(&rig).await;
    rig.until("nodedev_source_resyncs_total", &[("source", "udev")], 1.0).await;
    rig.until("nodedev_devices", &[("capability", "net"), ("state", "active")], 1.0).await;
    let wanted = table(&rig.scrape().await);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (shown, tail) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("NODEDEV_WRITE_DOCS").is_some() {
        std::fs::write(&path, [head, BEGIN, &wanted, END, tail].concat()).unwrap();
    } else {
        assert_eq!(shown, wanted, "write it anew with NODEDEV_WRITE_DOCS=1");
    }
}
