//! Garbage in every attribute, link and property of every device of every host of the fixtures: the
//! device is kept, loses a part or is discarded as [`table`] has it, and all others stay what they
//! were.
//!
//! Several devices of one host are damaged at once, each in one place, and a batch that breaks a rule
//! is taken apart to say which place it was. Of more than [`MOST`] damages a part is tried, the same in
//! every run; with `NODEDEV_SWEEP=all` all of them are, and with `NODEDEV_SWEEP=singly` each alone. Then
//! `NODEDEV_MOCK_HOST_DEADLINE` has to be some 900 seconds.

mod garbage;
mod host;
mod rules;
mod subject;
mod table;

use std::collections::BTreeMap;

use garbage::{Garbage, NONSENSE, OF_FILES, OF_LINKS, OF_PROPERTIES, Properties, restore};
use host::{Seen, build, fixtures, look};
use nodedev_mutants::Random;
use nodedev_source_testkit::mock_host::{Item, MockHost, Record};
use nodedev_source_udev::UdevSource;
use nodedev_types::Field;
use rules::{Row, Verdict, What};
use subject::Subject;

use crate::on_mock_host;

/// How many damages are tried without a wish: some ten seconds on an idle machine.
const MOST: usize = 1200;

/// One place of one device, and what is put there.
#[derive(Debug, Clone)]
struct Damage {
    /// The device that the place belongs to.
    owner: String,
    place: Place,
    garbage: Garbage,
    /// Whom it concerns, and what it costs each.
    costs: Vec<(Subject, Verdict, Vec<Field>)>,
}

#[derive(Debug, Clone)]
enum Place {
    /// A path, and what is there.
    File(String, Option<Item>),
    /// The name of a property.
    Property(String),
}

impl Place {
    fn name(&self) -> &str {
        match self {
            Self::File(path, _) => path.rsplit('/').next().unwrap_or(path),
            Self::Property(name) => name,
        }
    }
}

/// A host of the fixtures before anything is done to it.
struct Sweep<'h> {
    source: UdevSource,
    host: &'h MockHost,
    records: Vec<Record>,
    rows: Vec<Row>,
    before: Seen,
    subjects: Vec<Subject>,
}

impl Sweep<'_> {
    fn damages(&self) -> Vec<Damage> {
        let of_records = self.records.iter().flat_map(|record| {
            let files = record.items.iter().flat_map(|item| self.of_item(record, item));
            let names = record.properties.iter().map(|(name, _)| name);
            files.chain(names.flat_map(|name| self.of_property(record, name))).collect::<Vec<_>>()
        });
        of_records.chain(self.of_missing()).collect()
    }

    fn of_item(&self, record: &Record, item: &Item) -> Vec<Damage> {
        let (name, kinds) = match item {
            Item::Attribute(name, _) => (name, OF_FILES),
            Item::Link(name, _) => (name, OF_LINKS),
            _ => return Vec::new(),
        };
        let path = format!("{}/{name}", record.syspath);
        self.of_path(&record.syspath, &path, Some(item), kinds)
    }

    fn of_path(
        &self,
        owner: &str,
        path: &str,
        item: Option<&Item>,
        kinds: &[Garbage],
    ) -> Vec<Damage> {
        let concerned: Vec<(&Subject, &Row)> = self
            .subjects
            .iter()
            .flat_map(|subject| self.rows.iter().map(move |row| (subject, row)))
            .filter(|(subject, row)| subject.is_at(row, self.host, path))
            .collect();
        let damage = |garbage: Garbage| Damage {
            owner: owner.to_owned(),
            place: Place::File(path.to_owned(), item.cloned()),
            garbage,
            costs: self.first_each(&concerned, garbage),
        };
        kinds.iter().map(|&garbage| damage(garbage)).collect()
    }

    fn of_property(&self, record: &Record, name: &str) -> Vec<Damage> {
        let subjects = self.subjects.iter().filter(|subject| subject.path == record.syspath);
        let concerned: Vec<(&Subject, &Row)> = subjects
            .flat_map(|subject| self.rows.iter().map(move |row| (subject, row)))
            .filter(|(subject, row)| {
                row.what == What::Property && row.name == name && row.kind == subject.kind()
            })
            .collect();
        let damage = |garbage: Garbage| Damage {
            owner: record.syspath.clone(),
            place: Place::Property(name.to_owned()),
            garbage,
            costs: self.first_each(&concerned, garbage),
        };
        OF_PROPERTIES.iter().map(|&garbage| damage(garbage)).collect()
    }

    /// Places of the table where there is nothing yet.
    fn of_missing(&self) -> Vec<Damage> {
        let rows = |subject| self.rows.iter().map(move |row| (subject, row));
        let places = self.subjects.iter().flat_map(rows).filter(|(subject, row)| {
            row.what != What::Property && row.kind == Subject::kind(subject)
        });
        let places = places.filter_map(|(subject, row)| {
            let path = subject.place(row, self.host)?;
            let is_there = std::fs::symlink_metadata(self.host.real_path(&path)).is_ok();
            let kinds = if row.what == What::Link { OF_LINKS } else { OF_FILES };
            (!is_there).then(|| self.of_path(&subject.path, &path, None, &kinds[1..]))
        });
        places.flatten().collect()
    }

    /// Devices that were no devices before may be anything, and are left alone.
    fn is_fit(&self, damage: &Damage) -> bool {
        damage.costs.iter().all(|(subject, ..)| !self.before.unreadable.contains(&subject.id))
            && !self.before.unreadable.iter().any(|id| id.to_string() == damage.owner)
    }

    fn put(&self, damage: &Damage) {
        match &damage.place {
            Place::File(path, item) => {
                let before = match item {
                    Some(Item::Attribute(_, contents)) => contents.as_slice(),
                    _ => b"1\n",
                };
                damage.garbage.put(self.host, path, before).unwrap();
            }
            Place::Property(name) => {
                let record = self.record(&damage.owner);
                Properties::of(self.host, record).put(self.host, name, damage.garbage).unwrap();
            }
        }
    }

    fn undo(&self, damage: &Damage, properties: &Properties) {
        match &damage.place {
            Place::File(path, item) => restore(self.host, path, item.as_ref()).unwrap(),
            Place::Property(_) => properties.restore(self.host).unwrap(),
        }
    }

    fn record(&self, path: &str) -> &Record {
        self.records.iter().find(|record| record.syspath == path).unwrap()
    }

    /// The first row that speaks of a subject counts. One with which something is wrong already may
    /// be mended.
    fn first_each(
        &self,
        concerned: &[(&Subject, &Row)],
        garbage: Garbage,
    ) -> Vec<(Subject, Verdict, Vec<Field>)> {
        let mut costs = BTreeMap::new();
        for (subject, row) in concerned {
            let is_ill = self.before.is_ill(&subject.path);
            let verdict = if is_ill { Verdict::Own } else { row.verdict(garbage, subject) };
            let cost = || ((*subject).clone(), verdict, row.fields.clone());
            costs.entry(subject.id.clone()).or_insert_with(cost);
        }
        costs.into_values().collect()
    }

    /// Does all of this at once, and says what is not as it should be.
    async fn problems(&self, batch: &[Damage]) -> Vec<String> {
        let record = |damage: &Damage| self.records.iter().find(|r| r.syspath == damage.owner);
        let none = Record::default();
        let properties: Vec<_> = batch
            .iter()
            .map(|damage| Properties::of(self.host, record(damage).unwrap_or(&none)))
            .collect();
        batch.iter().for_each(|damage| self.put(damage));
        let after = look(&self.source).await;
        batch
            .iter()
            .zip(&properties)
            .for_each(|(damage, properties)| self.undo(damage, properties));
        let newcomers: Vec<_> = batch
            .iter()
            .filter(|damage| damage.costs.is_empty() && matches!(damage.place, Place::Property(_)))
            .map(|damage| damage.owner.as_str())
            .collect();
        self.before.compare(&after, &expected(batch), &newcomers)
    }
}

fn expected(batch: &[Damage]) -> Vec<host::Expected<'_>> {
    batch
        .iter()
        .flat_map(|damage| {
            damage.costs.iter().map(|(subject, verdict, fields)| host::Expected {
                subject,
                verdict: *verdict,
                fields,
                name: damage.place.name(),
                text: damage.text(),
            })
        })
        .collect()
}

impl Damage {
    /// What a reader of texts finds there now.
    fn text(&self) -> String {
        let before: Vec<u8> = match &self.place {
            Place::File(_, Some(Item::Attribute(_, contents))) => contents.clone(),
            Place::File(..) => b"1".to_vec(),
            Place::Property(name) => {
                let subject = self.costs.first().map(|(subject, ..)| subject);
                subject.and_then(|s| s.property(name)).unwrap_or_default().as_bytes().to_vec()
            }
        };
        let bytes = self.garbage.bytes(&before).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
    }

    fn describe(&self) -> String {
        format!("{} {:?}: {:?}", self.owner, self.place, self.garbage)
    }
}

/// Leaves so many of them, any ones.
fn sample(damages: &mut Vec<Damage>, most: usize) {
    let mut random = Random::new();
    while damages.len() > most {
        damages.swap_remove(random.below(damages.len()));
    }
}

/// Batches in which no device and no one concerned comes twice.
fn batches(damages: Vec<Damage>, most: usize) -> Vec<Vec<Damage>> {
    let mut batches: Vec<(Vec<String>, Vec<Damage>)> = Vec::new();
    for damage in damages {
        let concerned = damage.costs.iter().map(|(subject, ..)| subject.path.clone());
        let touched: Vec<String> = concerned.chain([damage.owner.clone()]).collect();
        let fits = batches.iter_mut().find(|(taken, batch)| {
            batch.len() < most && !touched.iter().any(|path| taken.contains(path))
        });
        match fits {
            Some((taken, batch)) => {
                taken.extend(touched);
                batch.push(damage);
            }
            None => batches.push((touched, vec![damage])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

on_mock_host! {
    async fn garbage_costs_what_the_table_says_and_nothing_else(host) {
        let wish = std::env::var("NODEDEV_SWEEP").unwrap_or_default();
        let most = if wish.is_empty() { MOST } else { usize::MAX };
        let mut wrong = Vec::new();
        let fixtures = fixtures();
        let length: usize = fixtures.iter().map(|(_, text)| text.len()).sum();
        for (name, text) in fixtures {
            build(&mut host, &text);
            host.make_dir(NONSENSE).unwrap();
            let source = UdevSource::default();
            let before = look(&source).await;
            let records = nodedev_source_testkit::mock_host::parse(&text).unwrap();
            let subject = |(id, fields): (_, _)| Subject::new(id, fields, &records);
            let subjects: Vec<_> = before.devices.iter().map(subject).collect();
            let sweep =
                Sweep { source,
                host: &host, rows: table::rows(), records: records.clone(), before, subjects };
            let mut damages = sweep.damages();
            let all = damages.len();
            damages.retain(|damage| sweep.is_fit(damage));
            sample(&mut damages, most / length.div_ceil(text.len()));
            let tried = damages.len();
            let batches = batches(damages, if wish == "singly" { 1 } else { 16 });
            let began = std::time::Instant::now();
            for batch in &batches {
                if sweep.problems(batch).await.is_empty() {
                    continue;
                }
                let mut found = Vec::new();
                for damage in batch {
                    let alone = sweep.problems(std::slice::from_ref(damage)).await;
                    found.extend(alone.iter().map(|p| format!("{name}: {}: {p}", damage.describe())));
                }
                if found.is_empty() {
                    let all: Vec<_> = batch.iter().map(Damage::describe).collect();
                    found.push(format!("{name}: only together: {}", all.join(", ")));
                }
                found.iter().for_each(|problem| eprintln!("{problem}"));
                wrong.extend(found);
            }
            let (devices, batches) = (sweep.subjects.len(), batches.len());
            eprintln!(
                "{name}: {devices} devices, {tried} of {all} damages in {batches} batches, {:?}",
                began.elapsed()
            );
            assert_eq!(sweep.before.compare(&look(&sweep.source).await, &[], &[]), [""; 0], "{name} is as before");
        }
        assert!(wrong.is_empty(), "{} of them, see above", wrong.len());
    }
}
