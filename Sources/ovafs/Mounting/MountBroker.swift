// The process that makes a server's mount and takes it away: outside of the sandbox that its server is in.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import CLinux
import FuseServer
import Glibc
import Logging
import RemoteSources
import SystemPackage

/// A process of its own that has a socket to its server and nothing else open. It reads nothing of the source, and can do no
/// more than what its command line says: make this one mount, take it away, and write this one record. When the server has
/// ended, however it did, the socket ends; where the mount is still there then, and dead, `auto_unmount` has the broker unmount
/// it.
///
/// Not fusermount3's own `auto_unmount`: that looks at the mount as root, whom the kernel keeps out of another user's
/// mount without `allow_other`, and then leaves it (docs/decisions/0050-who-unmounts-after-a-crash.md).
struct MountBroker {
    /// The hidden command that the new process runs.
    static let commandName = "watch-mount"

    private let order: MountOrder
    /// Where the server is.
    private let socket: CInt = 0
    /// Opened before the working folder changes; nil where there is none, or it cannot be written.
    private let record: RecordFile?
    private var madeFolders: [FilePath] = []
    private var mounted: Mounted?

    private struct Mounted {
        let point: FilePath
        /// `major:minor`, to tell the mount from others at the same place; nil where it is not known.
        let device: String?
        let answer: MountAnswer
        var isUsable = false
    }

    init(_ order: MountOrder) {
        self.order = order
        record = order.recordFile.flatMap { try? RecordFile($0) }
    }

    /// Does what the server asks for, until it ends.
    mutating func serve() {
        // What ends the server must not end its broker, which ends by itself a moment later.
        for ending in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] { signal(ending, SIG_IGN) }
        setsid()
        // A pidfd: the server has started this process, and is there as long as it has said nothing else.
        let server = order.announces ? ovafs_open_process(getppid()) : -1
        answerRequests()
        MountServer.withdraw()
        close(socket)
        guard server >= 0 else { return }
        // Whoever has asked for the mount's server was told of this process.
        var state = pollfd(fd: server, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&state, 1, -1) < 0, errno == EINTR {}
    }

    private mutating func answerRequests() {
        while let packet = BrokerPacket.receive(from: socket) {
            defer { if packet.descriptor >= 0 { close(packet.descriptor) } }
            guard let request = packet.bytes.first.flatMap(BrokerRequest.init) else { break }
            var answer: BrokerPacket
            switch request {
            case .mount: answer = mount()
            case .waitUntilUsable: answer = waitUntilUsable()
            case .unmount: answer = unmount(wasCut: false)
            case .unmountIfDead: answer = unmount(wasCut: true)
            case .saveRecord: answer = saveRecord(in: packet.descriptor)
            case .end: return
            case .endInVain: return MountPoint.remove(madeFolders)
            }
            let isTaken = answer.send(to: socket)
            // Kept open here, the device would keep the mount's readers waiting when the server has died.
            if answer.descriptor >= 0 { close(answer.descriptor) }
            if !isTaken { break }
        }
        serverHasGone()
    }

    private mutating func mount() -> BrokerPacket {
        guard mounted == nil else { return .refused("there is a mount already") }
        do {
            if let mode = order.folderMode {
                try MountPoint.make(order.directory, mode: mode, &madeFolders)
            }
            let point = try MountPoint.prepared(order.directory)
            _ = unsafe chdir("/")
            let covered = MountTable.topmost(at: point)
            let directory = point.bytes.map(CChar.init(bitPattern:)) + [0]
            let answer = MountAnswer(
                directory: directory, log: Logger(label: "ovafs") { _ in SwiftLogNoOpLogHandler() })
            let device = try KernelMount.make(at: directory, order.sessionOptions)
            mounted = Mounted(point: point, device: MountTable.topmost(at: point)?.device, answer: answer)
            let hidden = covered.flatMap { $0.type == MountTableEntry.ownType ? $0.source.bytes : nil }
            return .done(hidden ?? [], descriptor: device)
        } catch {
            MountPoint.remove(madeFolders)
            madeFolders = []
            let failure = error as? CommandFailure
            return .refused(failure?.message ?? (error as? MountError)?.description ?? "\(error)")
        }
    }

    private mutating func waitUntilUsable() -> BrokerPacket {
        guard let mounted, mounted.answer.wait() else { return .refused("the mount has gone") }
        self.mounted?.isUsable = true
        if order.announces, let device = mounted.device { MountServer.announce(device: device) }
        return .done(Array((mounted.device ?? "").utf8))
    }

    private mutating func unmount(wasCut: Bool) -> BrokerPacket {
        guard let mounted else { return .refused("there is no mount") }
        MountServer.withdraw()
        // Another mount may have come to the place meanwhile; one that lives is not ours to take.
        guard let top = MountTable.topmost(at: mounted.point), top.type == MountTableEntry.ownType,
            !wasCut && top.device == mounted.device || Unmounting.isDead(mounted.point)
        else { return .done() }
        do throws(Unmounting.Failure) {
            try Unmounting.unmount(mounted.point, isLazy: true)
            return .done()
        } catch {
            return .refused("\(error)")
        }
    }

    private func saveRecord(in file: CInt) -> BrokerPacket {
        guard let record, file >= 0 else { return .refused("there is no record to write") }
        do {
            let bytes = try MemoryFile.contents(of: file, atMost: RecordedReads.fileByteLimit)
            let isSaved = try record.save(try RecordedReads(parsing: bytes))
            return .done([isSaved ? 1 : 0])
        } catch {
            return .refused((error as? CommandFailure)?.message ?? "\(error)")
        }
    }

    private mutating func serverHasGone() {
        guard let mounted else { return }
        guard order.unmountsWhenServerDies || !mounted.isUsable else { return }
        _ = unmount(wasCut: true)
        // No one has learned of it.
        if !mounted.isUsable { MountPoint.remove(madeFolders) }
    }
}
