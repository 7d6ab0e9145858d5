// `ovafs unmount`: takes a mount away.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ArgumentParser
import Glibc
import SystemPackage

struct UnmountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmount",
        abstract: "Unmount a directory that ovafs has mounted.",
        discussion: """
            The same as umount(8), which is root's, or fusermount3 -u, whoever calls. Other mounts are left alone. \
            Also takes away what a server that was killed has left. A source that is mounted in one place may be \
            named, too. Waits up to 10 seconds for the server to end, and with it for its log and its sources to be \
            closed.

            Exit codes: 0 unmounted, 2 wrong usage, 4 it is not a mount of ovafs, or busy, or another's.

            Example: ovafs unmount vm
            """,
        aliases: ["umount"])

    @Argument(
        help: "The directory that is mounted on, or the source that is mounted in one place.",
        completion: .directory)
    var directory: String

    @Flag(
        name: .shortAndLong,
        help: "Take it away from its place now, and end it when no program uses it any more.")
    var lazy = false

    /// How long the end of the server is waited for, in seconds: one that a source holds up is left to itself.
    private static let longestEnd = 10

    func run() throws {
        let mounted = try meantMount()
        let point = mounted.mountPoint
        guard mounted.type == MountTableEntry.ownType else {
            throw failure("what is mounted on it (\(mounted.type)) is not of ovafs; umount(8) unmounts it")
        }
        if let user = mounted.userID, user != getuid(), getuid() != 0 {
            throw failure(
                user == 0
                    ? "it was mounted by root: only root can unmount it"
                    : "it was mounted by user \(user): only that user and root can unmount it")
        }
        let server = lazy ? nil : MountServer(of: mounted)
        do throws(Unmounting.Failure) {
            try Unmounting.unmount(point, isLazy: lazy)
        } catch .busy {
            throw failure(
                "a program uses it, 'fuser -m \(point)' says which, or a loop device, see 'losetup -a'; "
                    + "--lazy does not wait for it")
        } catch .other(let reason) {
            throw failure(reason)
        }
        // It goes on where the same is mounted on another folder as well.
        guard let server, !MountTable.entries().contains(where: { $0.device == mounted.device }),
            !server.waitForEnd(seconds: Self.longestEnd)
        else { return }
        StandardError.write(
            "warning: \(point) is unmounted, but its server, process \(server.processID), has not ended after "
                + "\(Self.longestEnd) seconds: a source holds it up, or the mount is in another mount namespace, too"
        )
    }

    /// What is mounted on the argument; else, as with umount(8), the one mount whose source it is.
    private func meantMount() throws -> MountTableEntry {
        let path = try RawArguments.path(directory)
        let entries = MountTable.entries()
        let point = MountPoint.resolved(path)
        if let mounted = entries.last(where: { $0.mountPoint == point }) { return mounted }
        let source = FilePath(bytes: try SourceLocator.mountedName(directory))
        let own = entries.filter { $0.type == MountTableEntry.ownType }
        var mounts = own.filter { $0.source == source }
        // mount.glance leaves what fstab has: the name alone.
        if mounts.isEmpty, let image = (try? ImageReference(directory)) ?? nil {
            mounts = own.filter { $0.source == FilePath(image.text) }
        }
        guard let mount = mounts.first else {
            throw failure(path.isAbsent ? "\(SystemError(errno: ENOENT))" : "nothing is mounted on it")
        }
        guard mounts.count == 1, entries.last(where: { $0.mountPoint == mount.mountPoint }) == mount else {
            let points = Set(mounts.map { "\($0.mountPoint)" }).sorted().joined(separator: ", ")
            throw failure("it is mounted on \(points): name the directory")
        }
        return mount
    }

    private func failure(_ reason: String) -> CommandFailure {
        CommandFailure(
            status: .cannotMount, message: "cannot unmount \(SourceAddress.shown(directory)): \(reason)")
    }
}
