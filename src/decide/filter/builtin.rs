//! What is left out everywhere, unless a `!pattern` keeps it: files that editors, file managers and copy
//! programs make while they work, version control, and what operating systems litter.

/// The list, in gitignore syntax.
pub(super) const PATTERNS: &[&str] = &[
    // vim and neovim: swap files and the file that tries whether the directory is writable.
    ".*.sw[a-px]",
    "*.swp",
    "4913",
    // emacs, nano, gedit and many others: backups, locks, autosaves.
    "*~",
    ".#*",
    "\\#*#",
    ".goutputstream-*",
    // kate, JetBrains, LibreOffice, Microsoft Office.
    ".*.kate-swp",
    "*___jb_tmp___",
    "*___jb_old___",
    ".~lock.*#",
    "~$*",
    // Downloads and copies that are not complete.
    "*.part",
    "*.filepart",
    "*.crdownload",
    "*.partial",
    ".~tmp~/",
    ".rsync-partial/",
    ".syncthing.*.tmp",
    // Deleted or replaced while open.
    ".fuse_hidden*",
    ".nfs*",
    // Version control.
    ".git",
    ".svn/",
    ".hg/",
    ".bzr/",
    // Operating systems.
    ".DS_Store",
    "._*",
    ".Spotlight-V100/",
    ".Trashes/",
    ".Trash-*/",
    ".fseventsd/",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    "lost+found/",
];

/// Whether `name` looks like `.NAME.XXXXXX`, which rsync writes before it renames. Six random letters and
/// digits can only be told from a word by their mixture, so all-lower-case and Capitalised endings (a
/// `.env.backup`) are not taken for it.
pub(super) fn is_rsync_temporary(name: &[u8]) -> bool {
    let Some((front, random)) = name.split_last_chunk::<6>() else {
        return false;
    };
    if front.len() < 3 || front[0] != b'.' || front[front.len() - 1] != b'.' {
        return false;
    }
    let has = |test: fn(&u8) -> bool| random.iter().any(test);
    let capital_inside = random[1..].iter().any(u8::is_ascii_uppercase);
    random.iter().all(u8::is_ascii_alphanumeric)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && (capital_inside || has(u8::is_ascii_digit))
}
