//! What it costs to keep a snapshot: acknowledged puts a second, and how long one takes.
//!
//! `cargo xtask durability` runs it. Beside each store stands the floor, measured in the same seconds on the
//! same disk: a plain file, to which the bytes of everything that is in flight are appended with one sync. The
//! ratio to it is the figure that travels from one machine to another; the others are those of this machine
//! and of its neighbours. It may be above one: writing over old pages, as the store does, spares the file
//! system what a growing file costs it. Nothing is asserted. The store in memory is there to show what the
//! disk adds, not to be compared with a sync.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fluxstack_live::protocol::InstanceId;
use fluxstack_live::store::Record;
use fluxstack_live::{DiskStore, MemoryStore, Store};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Bytes of a snapshot: a small state, and the large one of the other benchmarks.
const SIZES: [usize; 2] = [300, 35_000];
const IN_FLIGHT: [usize; 3] = [1, 16, 256];
/// How often floor and stores take turns in one case, so that a noisy neighbour meets them all.
const TURNS: usize = 3;
/// How long one of them runs in a turn. The whole takes 3 × 6 × 3 of these.
const TURN: Duration = Duration::from_millis(300);
/// Instances that are put again and again; each put is of another one.
const INSTANCES: u128 = 1_024;
/// Bytes after which the plain file begins again.
const LONGEST: u64 = 64 << 20;

/// What was seen of one of them.
#[derive(Default)]
struct Seen {
    puts: usize,
    time: Duration,
    each: Vec<Duration>,
}

impl Seen {
    fn rate(&self) -> f64 {
        self.puts as f64 / self.time.as_secs_f64()
    }

    /// Microseconds that so many of a hundred stayed under.
    fn percentile(&self, of_hundred: usize) -> f64 {
        let place = (self.each.len() * of_hundred / 100).min(self.each.len() - 1);
        self.each[place].as_secs_f64() * 1e6
    }
}

/// Appends and syncs.
fn floor(file: &mut File, bytes: &[u8], in_flight: usize, seen: &mut Seen) {
    let group = bytes.repeat(in_flight);
    let end = Instant::now() + TURN;
    while Instant::now() < end {
        if file.metadata().expect("the file is open").len() > LONGEST {
            file.set_len(0).expect("a file may be emptied");
        }
        let begun = Instant::now();
        file.write_all(&group).and_then(|()| file.sync_data()).expect("there is room for the benchmark");
        seen.each.push(begun.elapsed());
        seen.time += begun.elapsed();
        seen.puts += in_flight;
    }
}

/// Puts from so many tasks, one after the other in each.
fn puts(runtime: &Runtime, store: &Arc<dyn Store>, bytes: &Bytes, in_flight: usize, seen: &mut Seen) {
    let begun = Instant::now();
    let end = begun + TURN;
    let tasks = LocalSet::new();
    let each = tasks.block_on(runtime, async {
        let tasks: Vec<_> = (0..in_flight)
            .map(|task| {
                let (store, bytes) = (Arc::clone(store), bytes.clone());
                tokio::task::spawn_local(async move {
                    let mut each = Vec::new();
                    let mut place = task as u128;
                    while Instant::now() < end {
                        let id = InstanceId::from_u128(place % INSTANCES);
                        let begun = Instant::now();
                        let record = Record { version: 1, expires: u64::MAX, bytes: bytes.clone() };
                        store.put(id, record).await.expect("the store is well");
                        each.push(begun.elapsed());
                        place += in_flight as u128;
                    }
                    each
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.append(&mut task.await.expect("no put panics"));
        }
        all
    });
    seen.time += begun.elapsed();
    seen.puts += each.len();
    seen.each.extend(each);
}

fn case(runtime: &Runtime, folder: &Path, size: usize, in_flight: usize) {
    // Nothing that a disk could make smaller, as sealed bytes are.
    let bytes: Bytes =
        (0..size as u64).map(|place| (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
    let path = folder.join(format!("{size}-{in_flight}.redb"));
    let disk: Arc<dyn Store> = Arc::new(DiskStore::open(&path).expect("a new file"));
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let plain = folder.join("plain");
    let mut file = File::options().append(true).create(true).open(&plain).expect("a new file");
    let mut seen: [Seen; 3] = Default::default();
    for _ in 0..TURNS {
        floor(&mut file, &bytes, in_flight, &mut seen[0]);
        puts(runtime, &disk, &bytes, in_flight, &mut seen[1]);
        puts(runtime, &memory, &bytes, in_flight, &mut seen[2]);
    }
    runtime.block_on(disk.close());
    let floor = seen[0].rate();
    for (name, seen) in ["append + sync", "disk", "memory"].into_iter().zip(&mut seen) {
        seen.each.sort_unstable();
        let [rate, half, most] = [seen.rate(), seen.percentile(50), seen.percentile(99)];
        let ratio = rate / floor;
        println!("{size:>6}  {in_flight:>9}  {name:<14} {rate:>9.0} {half:>9.1} {most:>9.1} {ratio:>9.2}");
    }
    drop((disk, file));
    for path in [path, plain] {
        fs::remove_file(path).expect("the file was ours");
    }
}

fn main() {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("durability-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the benchmark");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    println!(" bytes  in flight  store             puts/s    p50 µs    p99 µs  of floor");
    for size in SIZES {
        for in_flight in IN_FLIGHT {
            case(&runtime, &folder, size, in_flight);
        }
    }
    fs::remove_dir(&folder).expect("it is empty");
}
