//! Reads the files of a list and does nothing with them: what no program that reads them can do with less.
//!
//! Each line of the list is `f`, `d` or `l` and a path: a file, a folder, a link.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "it speaks to who runs it")]

use std::fs::{self, File};
use std::io::Read as _;
use std::process::ExitCode;

/// How many failures are told.
const SHOWN: usize = 5;

fn main() -> ExitCode {
    let Some(list) = std::env::args_os().nth(1).and_then(|list| fs::read_to_string(list).ok())
    else {
        eprintln!("usage: bare LIST");
        return ExitCode::from(2);
    };
    let (mut buffer, mut entries, mut failed) = (vec![0; 64 << 10], 0, 0);
    for (kind, path) in list.lines().filter_map(|line| line.split_once(' ')) {
        let read = match kind {
            "d" => fs::read_dir(path).map(Iterator::count),
            "l" => fs::read_link(path).map(|target| target.as_os_str().len()),
            // Some files of the kernel can be opened and not read, as daemons find out too.
            _ => File::open(path).map(|mut file| file.read(&mut buffer).unwrap_or_default()),
        };
        match read {
            Ok(count) => entries += count,
            Err(error) => {
                failed += 1;
                if failed <= SHOWN {
                    eprintln!("{path}: {error}");
                }
            }
        }
    }
    // What was there for a moment only is no failure.
    if failed * 10 > list.lines().count() || entries == 0 {
        eprintln!("{failed} could not be read");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
