//! Makes cargo notice a newly built page: new files in `web/dist` have to be embedded. The folder is made when it is
//! missing, because cargo would otherwise compile this crate anew every time.

use std::{env, fs, path::PathBuf};

fn main() {
    let here = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let dist = here.join("../../web/dist");
    // A read-only checkout without the folder still builds: the derive allows it to be missing.
    let _ = fs::create_dir_all(&dist);
    println!("cargo:rerun-if-changed={}", dist.display());
}
