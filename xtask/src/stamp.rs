//! "Nothing to do": a fingerprint of what a step reads, kept below `target/` after it succeeded.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use crate::{Outcome, tree};

/// A fingerprint of file contents and names. Not a signature: nobody profits from a collision here.
pub fn fingerprint(files: &[PathBuf]) -> Outcome<String> {
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.hash(&mut hasher);
        fs::read(file).map_err(|err| format!("{}: {err}", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Every file below a folder, sorted, without the folders named in `skip` (at any depth).
pub fn below(folder: &Path, skip: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                if !skip.contains(&tree::name(&path)) {
                    open.push(path);
                }
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Does `work` unless it was done for this very fingerprint and its `product` is still there. True when it worked.
pub fn unless_done(name: &str, now: &str, product: &Path, work: impl FnOnce() -> Outcome) -> Outcome<bool> {
    let stamp = tree::target("stamps").join(name);
    if product.exists() && fs::read_to_string(&stamp).is_ok_and(|then| then == now) {
        return Ok(false);
    }
    work()?;
    let written = fs::create_dir_all(tree::target("stamps")).and_then(|()| fs::write(&stamp, now));
    written.map_err(|err| format!("{}: {err}", stamp.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_once_and_again_when_something_changed() {
        let folder = tree::target(format!("xtask-stamp-{}", std::process::id()));
        fs::create_dir_all(folder.join("skipped")).expect("a folder of our own");
        let (source, product) = (folder.join("source"), folder.join("product"));
        fs::write(&source, "one").expect("writes");
        fs::write(folder.join("skipped/other"), "never read").expect("writes");
        let name = format!("test-{}", std::process::id());
        let mut times = 0;
        let mut build = || {
            let now = fingerprint(
                &below(&folder, &["skipped", "product"])
                    .into_iter()
                    .filter(|file| *file != product)
                    .collect::<Vec<_>>(),
            )?;
            unless_done(&name, &now, &product, || {
                times += 1;
                fs::write(&product, "made").map_err(|err| err.to_string())
            })
        };
        assert_eq!((build(), build()), (Ok(true), Ok(false)));
        fs::write(folder.join("skipped/other"), "still never read").expect("writes");
        assert_eq!(build(), Ok(false));
        fs::write(&source, "two").expect("writes");
        assert_eq!((build(), build()), (Ok(true), Ok(false)));
        fs::remove_file(&product).expect("it was there");
        assert_eq!(build(), Ok(true), "a lost product is made again");
        assert_eq!(times, 3);
        let failed = unless_done(&format!("{name}-bad"), "x", &source, || Err("no".to_owned()));
        assert_eq!(failed, Err("no".to_owned()));
        assert!(!tree::target("stamps").join(format!("{name}-bad")).exists(), "a failure leaves no stamp");
        fs::remove_dir_all(&folder).expect("ours");
        fs::remove_file(tree::target("stamps").join(name)).expect("ours");
    }
}
