// What every mount does once it is known what it shows: it appears, is served, and is gone.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import FuseServer
import Glibc
import Synchronization
import SystemPackage

extension MountCommand {
    /// Mounts on `folder`, serves, and returns when the mount is gone; calls `end` then.
    func show(
        _ server: FuseServer, on folder: FilePath, _ options: MountOptions, _ background: BackgroundServer?,
        end: () -> Void = {}
    ) throws {
        if let userID = options.userID, userID != getuid(), !options.allowsOtherUsers {
            StandardError.write(
                "warning: uid= without allow_other: no user but the one who mounts can read the files")
        }
        background?.mountBegins()
        // Last, so that neither an error nor a signal leaves a new folder.
        try MountPoint.making(folder, mode: options.mountPointMode) {
            let use = Use()
            let mountPoint = try MountPoint.prepared(folder)
            // Before there is a mount that it might come too late for.
            if options.unmountsWhenServerDies { try MountWatcher.start(at: mountPoint) }
            let covered = MountTable.topmost(at: mountPoint)
            try serve(server, at: mountPoint) {
                if let covered, covered.type == MountTableEntry.ownType {
                    StandardError.write(
                        "warning: a mount of \(covered.source) is there already and is hidden now")
                }
                if let mount = MountTable.topmost(at: mountPoint) {
                    MountServer.announce(device: mount.device)
                }
                use.isUsable.store(true, ordering: .sequentiallyConsistent)
                background?.mountIsUsable()
            }
            end()
            return background?.wasAnswered ?? use.isUsable.load(ordering: .sequentiallyConsistent)
        }
    }

    private func serve(
        _ server: FuseServer, at mountPoint: FilePath, whenUsable: @escaping @Sendable () -> Void
    ) throws {
        do throws(MountError) {
            try server.serve(
                at: mountPoint.bytes, whenUsable: whenUsable, whenGone: { MountServer.withdraw() })
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
