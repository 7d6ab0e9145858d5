// What every mount does once it is known what it shows: it appears, is served, and is gone.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FuseServer
import Glibc
import Synchronization
import SystemPackage

extension MountCommand {
    /// Starts the process that makes the mount on `folder`, before there are threads.
    func startBroker(_ options: MountOptions, on folder: FilePath) throws -> MountLink {
        var order = MountOrder(
            directory: folder,
            sourceName: try options.shownSource ?? SourceLocator.mountedName(source))
        order.folderMode = options.mountPointMode
        order.unmountsWhenServerDies = options.unmountsWhenServerDies
        order.allowsOtherUsers = options.allowsOtherUsers
        order.permitsExecution = options.permitsExecution
        order.announces = options.user != nil
        order.recordFile = options.remote.recordFile
        return try MountLink(order)
    }

    /// Has `broker` mount, serves, and returns when the mount is gone; calls `end` then.
    func show(
        _ server: FuseServer, through broker: MountLink, _ options: MountOptions,
        _ background: BackgroundServer?, end: () -> Void = {}
    ) throws {
        if let userID = options.userID, userID != options.mounterID, !options.allowsOtherUsers {
            StandardError.write(
                "warning: uid= without allow_other: no user but the one who mounts can read the files")
        }
        background?.mountBegins()
        // Until there is a handler that has the mount taken away.
        EndingSignals.holdBack()
        defer { EndingSignals.letIn() }
        let use = Use()
        try serve(server, through: broker) {
            if let source = broker.coveredSource {
                StandardError.write("warning: a mount of \(source) is there already and is hidden now")
            }
            if let device = broker.device, options.user == nil { MountServer.announce(device: device) }
            use.isUsable.store(true, ordering: .sequentiallyConsistent)
            background?.mountIsUsable()
        }
        end()
        broker.finish(
            wasOfUse: background?.wasAnswered ?? use.isUsable.load(ordering: .sequentiallyConsistent))
    }

    private func serve(
        _ server: FuseServer, through broker: MountLink, whenUsable: @escaping @Sendable () -> Void
    ) throws {
        do throws(MountError) {
            try server.serve(
                through: broker, whenUsable: whenUsable, whenGone: { MountServer.withdraw() })
        } catch {
            throw CommandFailure(
                status: .cannotMount, message: error.description + MountAdvice.text(for: error.description))
        }
    }
}

/// Whether the mount could be used.
private final class Use: Sendable {
    let isUsable = Atomic<Bool>(false)
}
