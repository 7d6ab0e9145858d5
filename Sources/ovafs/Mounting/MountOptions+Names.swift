// The names of mount options: those that can be chosen, those that are accepted, and those that cannot be.
// SPDX-License-Identifier: Apache-2.0

extension MountOptions {
    /// What can be chosen, for completions and suggestions: `values` is nil for an option without a value, and empty
    /// for one whose values cannot be listed. ovafs(1) explains each.
    static let choices: [(name: String, values: [String]?)] = [
        ("allow_other", nil), ("auto_unmount", nil), ("cache", ["kernel", "none"]), ("cache_dir", []),
        ("cache_dir_size", []), ("cache_size", []),
        ("ctldir", ["visible", "hidden"]), ("exec", nil), ("fsname", []), ("gid", []), ("header", []),
        ("lenient", nil),
        ("links", ["inside", "none"]),
        ("log", ["syslog", "stderr"]), ("open_memory", []), ("os_cloud", []), ("record", []), ("replay", []),
        ("ro", nil), ("run_as", []), ("sandbox", SandboxMode.allCases.map(\.rawValue)), ("threads", []),
        ("timeout", []),
        ("uid", []), ("umask", []),
        ("verify", ["none", "manifest"]), ("X-mount.mkdir", nil),
    ]

    /// Options of mount(8) that mean nothing here, or nothing that is not so anyway.
    static let ignored: Set<String> = [
        "ro", "noauto", "auto", "user", "nouser", "users", "owner", "group", "nofail", "_netdev", "defaults",
        "nodev", "nosuid", "async", "sync", "atime", "noatime", "relatime", "strictatime", "diratime",
        "nodiratime", "silent", "loud",
    ]

    /// Options of mount(8) that cannot be, and why.
    static let refused: [String: String] = [
        "rw": "a package is mounted read-only; leave it out",
        "suid": "no file of a package changes a user's rights; leave it out",
        "dev": "a package has no device files; leave it out",
        "remount": "a mount keeps its options; unmount it, and mount it with others",
    ]
}
