// The connections of one program run, and opening what is behind them.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import Catalogue
import Glibc
import Logging
import RemoteSources
import SystemPackage

/// Opens sources behind web servers and in clouds. Nothing is started before the first of them.
final class RemoteSession: Sendable {
    /// What was asked of servers so far.
    let meter = RemoteMeter()
    /// What is read, where that is to be written down.
    let recorder: ReadRecorder?
    let options: RemoteOptions
    private let cache: BlockCache
    private let started = SleepingMutex<HTTPTransport?>(nil)
    private let isWithoutCacheFolder = SleepingMutex(false)
    /// What the user's files say, as far as it was read.
    let settings = SleepingMutex(RemoteSettings())
    private let notes = SleepingMutex((known: [String](), log: Logger?.none))

    init(_ options: RemoteOptions) {
        self.options = options
        recorder = options.recordFile == nil ? nil : ReadRecorder()
        cache = BlockCache(byteLimit: options.cacheByteLimit)
    }

    /// What commands read of that is kept for the next time, which is written a moment after it was read.
    private static let unsettled = SleepingMutex<[HTTPRangeSource]>([])
    /// In seconds.
    private static let longestSettling = 5.0

    /// Called before the program ends.
    static func settle() {
        let deadline = MonotonicClock.now + longestSettling
        for source in unsettled.withLock({ $0 }) { source.settle(until: deadline) }
    }

    /// Opens `object`; a mount ends by its own rules.
    private func source(
        of object: RemoteObject, through access: RemoteAccess
    ) throws(ReadError) -> any ByteSource {
        let source = try RemoteOpener.open(object, through: access)
        if access.store != nil, !options.servesWhatHasCome, let source = source as? HTTPRangeSource {
            Self.unsettled.withLock { $0.append(source) }
        }
        return source
    }

    /// What the user has to know and no error says, as far as it was not taken yet; what comes later goes to `log`.
    func takeNotes(thenLoggingTo log: Logger? = nil) -> [String] {
        notes.withLock { state in
            defer { state = ([], log) }
            return state.known
        }
    }

    /// Opens what is at `address`.
    /// - Throws: `CommandFailure` where the headers cannot be used, or the server gives nothing.
    func open(_ address: WebAddress) throws -> ApplianceSource {
        let headers = try headers()
        var object = RemoteObject(
            address, credentials: FixedCredentials(for: address, headers: headers))
        object.usesNetrc = !headers.contains { $0.name.lowercased() == "authorization" }
        let access = try access()
        do throws(ReadError) {
            let source = try source(of: object, through: access)
            return .remote(
                source, name: Self.fileName(of: address), modificationTime: Int64(time(nil)))
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: "\(error)")
        }
    }

    /// Opens the image that `reference` names.
    /// - Throws: `CommandFailure` where there is no such image, several, or one whose data cannot be read.
    func open(_ reference: ImageReference) throws -> ApplianceSource {
        let deadline = Deadline(after: options.timeoutInSeconds)
        let client = try images()
        let image: GlanceImage
        let object: RemoteObject
        do throws(OpenStackError) {
            image = try client.find(reference.text, until: deadline)
            object = try client.object(for: image, until: deadline)
        } catch {
            throw CommandFailure(error)
        }
        let access = try access()
        do throws(ReadError) {
            let source = try source(of: object, through: access)
            return .remote(
                source, name: image.fileName, modificationTime: image.updatedAt?.seconds ?? Int64(time(nil)),
                image: ImageRecord(image))
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: "\(error)")
        }
    }

    /// The images of the cloud that the user means.
    /// - Throws: `CommandFailure` where the settings of no cloud can be used.
    func images() throws -> GlanceClient {
        let configuration = try cloudConfiguration()
        do throws(ReadError) {
            return GlanceClient(KeystoneSession(configuration, exchanger: try transport()))
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: "\(error)")
        }
    }

    /// Whether anything was asked of a server.
    var isUsed: Bool { started.withLock { $0 != nil } }

    /// Whether there is a cache folder that cannot be used, which a note has said.
    var lacksCacheFolder: Bool { isWithoutCacheFolder.withLock { $0 } }

    /// What all sources of this session share. A cache folder that cannot be used is one note, and no more.
    /// - Throws: `CommandFailure` where the record cannot be used.
    func access() throws -> RemoteAccess {
        let replayed = try replayed()
        do throws(ReadError) {
            var access = RemoteAccess(
                transport: try transport(), cache: cache, meter: meter,
                timeoutInSeconds: options.timeoutInSeconds)
            access.note = { [weak self] in self?.note($0) }
            access.servesWhatHasCome = options.servesWhatHasCome
            access.recorder = recorder
            access.replayed = replayed
            openStore(for: &access)
            return access
        } catch {
            throw CommandFailure(status: .cannotReadSource, message: "\(error)")
        }
    }

    private func openStore(for access: inout RemoteAccess) {
        guard let folder = options.cacheFolder else { return }
        let path = String(decoding: folder, as: UTF8.self)
        do throws(ReadError) {
            access.store = try BlockStore(path: path, byteLimit: options.cacheFolderByteLimit) {
                [weak self] in
                self?.note($0)
            }
            access.spoolFolder = path
        } catch {
            isWithoutCacheFolder.withLock { $0 = true }
            note("the cache folder is not used: \(error)")
        }
    }

    /// The one of this session, started when it is first asked for.
    func transport() throws(ReadError) -> HTTPTransport {
        let result = started.withLock { started -> Result<HTTPTransport, ReadError> in
            if let transport = started { return .success(transport) }
            do throws(ReadError) {
                let transport = try HTTPTransport(userAgent: "ovafs/\(OVAFS.version)")
                started = transport
                return .success(transport)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    func note(_ text: String) {
        let log = notes.withLock { state in
            if state.log == nil { state.known.append(text) }
            return state.log
        }
        log?.warning("\(text)")
    }

    /// What the last part of the path is called; `disk` where it has none.
    private static func fileName(of address: WebAddress) -> [UInt8] {
        FileName.usable(address.lastPathComponent, orElse: Array("disk".utf8))
    }
}
