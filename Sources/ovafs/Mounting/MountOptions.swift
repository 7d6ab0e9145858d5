// The options of `-o`, as on a command line and in fstab.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
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
    /// Whether a folder package's symbolic links that stay inside the folder are followed.
    var followsLinksInside = false
    /// Whether the digests are checked before the mount appears.
    var verifiesManifest = false
    /// The path of the folder in which is kept what compressed files had to be decoded for, as bytes.
    var cacheFolder: [UInt8]?
    /// What may be kept there, in bytes.
    var cacheFolderByteLimit = ApplianceOptions().cacheFolderByteLimit
    /// How a source behind a web server is read; its cache is that of the other options.
    var remote = RemoteOptions()
    /// Decoded data that is kept, in bytes.
    var cacheByteLimit = 64 << 20
    /// Memory that opening may take, in bytes.
    var openingByteLimit = OpeningBudget.defaultByteLimit
    /// Threads that decode ahead; nil for as many as there are cores.
    var threadCount: Int?
    var cacheMode = SessionOptions.CacheMode.kernel
    var unmountsWhenServerDies = false
    /// Whether programs in the mount may be run.
    var permitsExecution = false
    /// The permissions with which the folder to mount on is made where it is not there; nil where it is not made.
    var mountPointMode: UInt32?
    var log: LogDestination?
    /// What the server gives up before it reads anything of the source.
    var sandbox = SandboxMode.auto
    /// Who the server becomes, where root starts it.
    var user: SandboxUser?
    /// Who mounts, and owns the files unless `uid` and `gid` say otherwise.
    let mounterID = getuid()
    let mounterGroupID = getgid()
    /// What /proc/mounts shows in place of the source, as bytes.
    var shownSource: [UInt8]?

    /// - Parameter lists: The bytes of each `-o`: options separated by commas; `\,` is a comma in a value.
    /// - Throws: `CommandFailure` that names the option that is unknown or whose value makes no sense.
    init(_ lists: [[UInt8]]) throws {
        for option in lists.flatMap(Self.split) {
            // A space behind a comma is no part of a name.
            let option = option.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard !option.isEmpty else { continue }
            let parts = option.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(decoding: parts[0], as: UTF8.self)
            guard parts.count > 1 else {
                try apply(name, value: nil)
                continue
            }
            // The values that are names of files, which are bytes.
            if name == "log", let destination = LogDestination(parts[1]) {
                log = destination
            } else if name == "fsname", !parts[1].isEmpty {
                shownSource = Array(parts[1])
            } else if name == "cache_dir", !parts[1].isEmpty {
                cacheFolder = Array(parts[1])
            } else if name == "record", !parts[1].isEmpty {
                remote.recordFile = Array(parts[1])
            } else if name == "replay", !parts[1].isEmpty {
                remote.replayFile = Array(parts[1])
            } else {
                try apply(name, value: String(decoding: parts[1], as: UTF8.self))
            }
        }
    }

    private mutating func apply(_ name: String, value: String?) throws {
        switch (name, value) {
        case ("allow_other", nil): allowsOtherUsers = true
        case ("auto_unmount", nil): unmountsWhenServerDies = true
        case ("exec", nil): permitsExecution = true
        case ("noexec", nil): permitsExecution = false
        case ("lenient", nil): isLenient = true
        case ("links", "none"): followsLinksInside = false
        case ("links", "inside"): followsLinksInside = true
        case ("links", let value): throw Self.wrong(name, value, "none or inside")
        case ("uid", let value): userID = try Self.user(value)
        case ("gid", let value): groupID = try Self.group(value)
        case ("umask", let value): umask = try Self.permissions(value, of: name)
        case ("ctldir", "visible"): controlDirectoryIsVisible = true
        case ("ctldir", "hidden"): controlDirectoryIsVisible = false
        case ("ctldir", let value): throw Self.wrong(name, value, "visible or hidden")
        case ("verify", "none"): verifiesManifest = false
        case ("verify", "manifest"): verifiesManifest = true
        case ("verify", let value): throw Self.wrong(name, value, "none or manifest")
        case ("sandbox", let value):
            guard let mode = value.flatMap(SandboxMode.init) else {
                throw Self.wrong(name, value, "off, auto or require")
            }
            sandbox = mode
        case ("run_as", let value): user = try Self.serverUser(value)
        case ("cache", let value):
            guard let mode = value.flatMap(SessionOptions.CacheMode.init) else {
                throw Self.wrong(name, value, "kernel or none")
            }
            cacheMode = mode
        case ("record", let value), ("replay", let value): throw Self.wrong(name, value, "a file")
        case ("fsname", let value): throw Self.wrong(name, value, "a name")
        case ("cache_dir", let value): throw Self.wrong(name, value, "a folder")
        case ("cache_dir_size", let value):
            guard let bytes = value.flatMap({ MemorySize($0) }) else {
                throw Self.wrong(name, value, "a size such as 10G")
            }
            cacheFolderByteLimit = bytes.byteCount
        case ("timeout", let value):
            guard let seconds = value.flatMap(RemoteOptions.timeout) else {
                throw Self.wrong(name, value, "a number of seconds")
            }
            remote.timeoutInSeconds = seconds
        case ("header", let value):
            guard let file = value.flatMap(RemoteOptions.headerFile) else {
                // The value may be a secret.
                throw CommandFailure(
                    status: .wrongUsage,
                    message: "option 'header' takes @FILE, so that no secret is an option")
            }
            remote.headerFiles.append(file)
        case ("os_cloud", let value):
            guard let value, !value.isEmpty else { throw Self.wrong(name, value, "the name of a cloud") }
            remote.cloud = value
        case ("cache_size", let value):
            guard let bytes = value.flatMap({ MemorySize($0) }), bytes.isReasonable else {
                throw Self.wrong(name, value, "a size such as 64M")
            }
            cacheByteLimit = Int(clamping: bytes.byteCount)
        case ("open_memory", let value):
            guard let bytes = value.flatMap({ MemorySize($0) }), bytes.isReasonable else {
                throw Self.wrong(name, value, "a size such as 512M")
            }
            openingByteLimit = bytes.byteCount
        case ("threads", let value):
            guard let count = value.flatMap({ Int($0) }), 1...256 ~= count else {
                throw Self.wrong(name, value, "a number from 1 to 256")
            }
            threadCount = count
        case ("log", let value): throw Self.wrong(name, value, "a file, syslog or stderr")
        case ("X-mount.mkdir", let mode), ("x-mount.mkdir", let mode):
            mountPointMode = try mode.map { try Self.permissions($0, of: name) } ?? 0o755
        default: try pass(name, value: value)
        }
    }

    /// Lets an option through that changes nothing, and says of every other why it cannot be.
    private func pass(_ name: String, value: String?) throws {
        if let reason = Self.refused[name] {
            throw CommandFailure(status: .wrongUsage, message: "option '\(name)': \(reason)")
        }
        // `user=NAME` is what mount(8) adds of who mounts.
        let isKnown = Self.ignored.contains(name)
        if isKnown && (value == nil || name == "user") || name.lowercased().hasPrefix("x-") { return }
        if isKnown || Self.choices.contains(where: { $0.name == name && $0.values == nil }) {
            throw CommandFailure(status: .wrongUsage, message: "option '\(name)' takes no value")
        }
        let suggestion =
            OptionSpelling.mountOption(for: name).map { " (write '\($0)')" }
            ?? Suggestion.text(for: name, among: Self.choices.map(\.name))
        throw CommandFailure(
            status: .wrongUsage,
            message:
                "unknown option '\(name)\(value.map { "=\($0)" } ?? "")'\(suggestion); see 'ovafs mount --help'"
        )
    }

    /// Splits at commas that no backslash stands before.
    private static func split(_ list: [UInt8]) -> [[UInt8]] {
        let (backslash, comma) = (UInt8(ascii: "\\"), UInt8(ascii: ","))
        var options: [[UInt8]] = []
        var option: [UInt8] = []
        var isEscaped = false
        for byte in list {
            if isEscaped {
                if byte != comma, byte != backslash { option.append(backslash) }
                option.append(byte)
                isEscaped = false
            } else if byte == backslash {
                isEscaped = true
            } else if byte == comma {
                options.append(option)
                option = []
            } else {
                option.append(byte)
            }
        }
        if isEscaped { option.append(backslash) }
        return options + [option]
    }
}
