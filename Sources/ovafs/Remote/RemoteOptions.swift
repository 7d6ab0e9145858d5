// How sources behind a web server are read.
// SPDX-License-Identifier: Apache-2.0

/// What the user chose for them; files and local folders take no notice of it.
struct RemoteOptions: Equatable {
    /// No read waits longer for a server, in seconds.
    var timeoutInSeconds = 60.0
    /// The cloud of clouds.yaml in which images are looked for; nil for the one that is meant without a name.
    var cloud: String?
    /// Files of headers that go to the server that the source names, in the order in which they were given.
    var headerFiles: [String] = []
    /// Bytes as they are stored that are kept in memory.
    var cacheByteLimit: UInt64 = 64 << 20
    /// The bytes of the path of the folder in which blocks are kept; nil where none are.
    var cacheFolder: [UInt8]?
    /// What the folder may hold, in bytes.
    var cacheFolderByteLimit: UInt64 = 10 << 30
    /// Whether what has come of a file is served before its end has: for mounts.
    var servesWhatHasCome = false

    /// Where it is written what the mount reads; and such a file of an earlier mount. The bytes of paths.
    var recordFile: [UInt8]?
    var replayFile: [UInt8]?

    /// The longest time that is taken, in seconds: a day.
    private static let longestTimeout = 86_400.0

    /// The seconds that `text` says; nil where it says none, or more than a day.
    static func timeout(_ text: String) -> Double? {
        guard let seconds = Double(text), seconds > 0, seconds <= longestTimeout else { return nil }
        return seconds
    }

    /// The file that `text`, `@FILE`, names; nil where there is no `@`, so that no secret is written as an option.
    static func headerFile(_ text: String) -> String? {
        text.first == "@" && text.count > 1 ? String(text.dropFirst()) : nil
    }
}
