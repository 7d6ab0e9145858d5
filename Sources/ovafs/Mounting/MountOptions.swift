// The options of `-o`, as on a command line and in fstab.
// SPDX-License-Identifier: Apache-2.0

import FuseServer
import Glibc

/// What the one who mounts chose.
struct MountOptions: Equatable {
    var allowsOtherUsers = false
    var userID: UInt32?
    var groupID: UInt32?
    var umask: UInt32 = 0
    var controlDirectoryIsVisible = false
    var isLenient = false
    /// Whether the digests are checked before the mount appears.
    var verifiesManifest = false
    /// Decoded data that is kept, in bytes.
    var cacheByteLimit = 64 << 20
    /// Threads that decode ahead; nil for as many as there are cores.
    var threadCount: Int?
    var cacheMode = SessionOptions.CacheMode.kernel
    var unmountsWhenServerDies = false
    var log: LogDestination?

    /// Options of mount(8) that mean nothing here, or nothing that is not so anyway.
    private static let ignored: Set<String> = [
        "ro", "noauto", "auto", "user", "nouser", "users", "owner", "group", "nofail", "_netdev", "defaults",
        "nodev", "nosuid", "noexec", "dev", "suid", "exec", "async", "sync", "atime", "noatime", "relatime",
        "strictatime", "diratime", "nodiratime", "silent", "loud",
    ]
    private static let largestCache = 1 << 40

    /// - Parameter lists: The arguments of each `-o`: options separated by commas; `\,` is a comma in a value.
    /// - Throws: `CommandFailure` that names the option that is unknown or whose value makes no sense.
    init(_ lists: [String]) throws {
        for option in lists.flatMap(Self.split) where !option.isEmpty {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try apply(String(parts[0]), value: parts.count > 1 ? String(parts[1]) : nil)
        }
    }

    private mutating func apply(_ name: String, value: String?) throws {
        switch (name, value) {
        case ("allow_other", nil): allowsOtherUsers = true
        case ("auto_unmount", nil): unmountsWhenServerDies = true
        case ("lenient", nil): isLenient = true
        case ("uid", let value?): userID = try number(value, of: name, radix: 10)
        case ("gid", let value?): groupID = try number(value, of: name, radix: 10)
        case ("umask", let value?):
            umask = try number(value, of: name, radix: 8)
            guard umask <= 0o777 else { throw Self.wrong(name, value, "an octal number up to 777") }
        case ("ctldir", "visible"): controlDirectoryIsVisible = true
        case ("ctldir", "hidden"): controlDirectoryIsVisible = false
        case ("ctldir", let value): throw Self.wrong(name, value, "visible or hidden")
        case ("verify", "none"): verifiesManifest = false
        case ("verify", "manifest"): verifiesManifest = true
        case ("verify", let value): throw Self.wrong(name, value, "none or manifest")
        case ("cache", let value):
            guard let mode = value.flatMap(SessionOptions.CacheMode.init) else {
                throw Self.wrong(name, value, "kernel or none")
            }
            cacheMode = mode
        case ("cache_size", let value):
            guard let bytes = value.flatMap(Self.byteCount), bytes <= Self.largestCache else {
                throw Self.wrong(name, value, "a size such as 64M")
            }
            cacheByteLimit = bytes
        case ("threads", let value):
            guard let count = value.flatMap({ Int($0) }), 1...256 ~= count else {
                throw Self.wrong(name, value, "a number from 1 to 256")
            }
            threadCount = count
        case ("log", "syslog"): log = .systemLog
        case ("log", "stderr"): log = .standardError
        case ("log", let path?) where !path.isEmpty: log = .file(path: path)
        case ("rw", nil):
            throw CommandFailure(
                status: .wrongUsage, message: "option 'rw': a package is mounted read-only; leave it out")
        case (let name, nil) where Self.ignored.contains(name): break
        case ("user", _?): break
        case (let name, _) where name.hasPrefix("x-"): break
        default:
            throw CommandFailure(
                status: .wrongUsage,
                message: "unknown option '\(name)\(value.map { "=\($0)" } ?? "")'; see 'ovafs mount --help'")
        }
    }

    private func number(_ text: String, of name: String, radix: Int) throws -> UInt32 {
        guard let number = UInt32(text, radix: radix), text.first != "+" else {
            throw Self.wrong(name, text, radix == 8 ? "an octal number" : "a number")
        }
        return number
    }

    private static func wrong(_ name: String, _ value: String?, _ wanted: String) -> CommandFailure {
        let given = value.map { "not '\($0)'" } ?? "and has no value"
        return CommandFailure(status: .wrongUsage, message: "option '\(name)' takes \(wanted), \(given)")
    }

    /// Splits at commas that no backslash stands before.
    private static func split(_ list: String) -> [String] {
        var options = [""]
        var isEscaped = false
        for character in list {
            if isEscaped {
                options[options.count - 1] += character == "," || character == "\\" ? "" : "\\"
                options[options.count - 1].append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," {
                options.append("")
            } else {
                options[options.count - 1].append(character)
            }
        }
        if isEscaped { options[options.count - 1].append("\\") }
        return options
    }

    /// A number of bytes, in units of 1024 where a K, M, G or T follows.
    private static func byteCount(_ text: String) -> Int? {
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
        var digits = text[...]
        var shift = 0
        if let last = text.last, let unit = units[Character(last.uppercased())] {
            digits = text.dropLast()
            shift = unit
        }
        guard let number = Int(digits), number > 0, number <= Int.max >> shift else { return nil }
        return number << shift
    }
}
