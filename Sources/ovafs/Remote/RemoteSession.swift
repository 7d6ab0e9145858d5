// The connections of one program run, and opening what is behind them.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Glibc
import Logging
import RemoteSources
import SystemPackage

/// Opens sources behind web servers. Nothing is started before the first of them.
final class RemoteSession: Sendable {
    /// What was asked of servers so far.
    let meter = RemoteMeter()
    /// What is read, where that is to be written down.
    let recorder: ReadRecorder?
    private let options: RemoteOptions
    private let notes = SleepingMutex((known: [String](), log: Logger?.none))

    init(_ options: RemoteOptions) {
        self.options = options
        recorder = options.recordFile == nil ? nil : ReadRecorder()
    }

    /// What the user has to know and no error says, as far as it was not taken yet; what comes later goes to `log`.
    func takeNotes(thenLoggingTo log: Logger? = nil) -> [String] {
        notes.withLock { state in
            defer { state = ([], log) }
            return state.known
        }
    }

    /// Opens what is at `address`.
    /// - Throws: `CommandFailure` where the headers or the cache folder cannot be used, or the server gives nothing.
    func open(_ address: WebAddress) throws -> ApplianceSource {
        var headers: [HTTPHeader] = []
        for file in options.headerFiles {
            headers += try HeaderFile.headers(at: try RawArguments.path(file)) { note($0) }
        }
        var object = RemoteObject(
            address, credentials: FixedCredentials(for: address, headers: headers))
        object.usesNetrc = !headers.contains { $0.name.lowercased() == "authorization" }
        let access = try access()
        do throws(ReadError) {
            let source = try RemoteOpener.open(object, through: access)
            return .remote(
                source, name: Self.fileName(of: address), modificationTime: Int64(time(nil)))
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: "\(error)")
        }
    }

    private func access() throws -> RemoteAccess {
        var access = RemoteAccess(
            transport: try HTTPTransport(userAgent: "ovafs/\(OVAFS.version)"),
            cache: BlockCache(byteLimit: options.cacheByteLimit), meter: meter,
            timeoutInSeconds: options.timeoutInSeconds)
        access.note = { [weak self] in self?.note($0) }
        access.recorder = recorder
        access.replayed = try replayed()
        if let folder = options.cacheFolder {
            access.store = try BlockStore(
                path: String(decoding: folder, as: UTF8.self), byteLimit: options.cacheFolderByteLimit
            ) { [weak self] in self?.note($0) }
            access.spoolFolder = String(decoding: folder, as: UTF8.self)
        }
        return access
    }

    private func replayed() throws -> RecordedReads? {
        guard let path = options.replayFile else { return nil }
        return try RecordFile.reads(at: FilePath(bytes: path))
    }

    private func note(_ text: String) {
        let log = notes.withLock { state in
            if state.log == nil { state.known.append(text) }
            return state.log
        }
        log?.warning("\(text)")
    }

    /// What the last part of the path is called; `disk` where it has none.
    private static func fileName(of address: WebAddress) -> [UInt8] {
        let name = address.lastPathComponent.filter { $0 != 0 && $0 != UInt8(ascii: "/") }
        return name.isEmpty || name == Array(".".utf8) || name == Array("..".utf8) ? Array("disk".utf8) : name
    }
}
