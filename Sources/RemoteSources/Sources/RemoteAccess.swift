// What all remote sources of a program share.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// The transport, the blocks, the counters, and how long anyone waits.
package struct RemoteAccess: Sendable {
    let transport: any Transferring
    package let cache: BlockCache
    package let meter: RemoteMeter
    /// No read waits longer, in seconds.
    package var timeoutInSeconds = 60.0
    /// Opening asks so long for a server that is not there, and no longer than `timeoutInSeconds`.
    var firstContactInSeconds = RetryPolicy.longestFirstContact
    /// What opening asks for: enough for most headers, in bytes.
    package var firstByteCount: UInt64 = 1 << 20
    /// Blocks that are kept on disk; nil where none are.
    package var store: BlockStore?
    /// Where a file is kept that comes in one piece.
    package var spoolFolder = "/var/tmp"
    /// No such file is longer, in bytes.
    package var spoolByteLimit: UInt64 = 1 << 42
    /// Whether a file that comes in one piece says so (`ByteSource.arrivesInOrder`), so that it is opened before its end has
    /// come: for mounts. A command gives a verdict, by its exit code, which is one about the whole file.
    package var servesWhatHasCome = false
    /// Takes down what is read; nil where nothing is.
    package var recorder: ReadRecorder?
    /// What an earlier mount read; nil where nothing is known.
    package var replayed: RecordedReads?
    /// Is told what a user has to know and no error says; without secrets.
    package var note: @Sendable (String) -> Void = { _ in }

    package init(
        transport: HTTPTransport, cache: BlockCache, meter: RemoteMeter = RemoteMeter(),
        timeoutInSeconds: Double = 60
    ) {
        self.init(over: transport, cache: cache, meter: meter)
        self.timeoutInSeconds = timeoutInSeconds
    }

    init(over transport: any Transferring, cache: BlockCache, meter: RemoteMeter = RemoteMeter()) {
        self.transport = transport
        self.cache = cache
        self.meter = meter
    }
}
