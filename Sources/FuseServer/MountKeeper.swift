// Who makes a mount and takes it away again: the process that serves it, or another one.
// SPDX-License-Identifier: Apache-2.0

/// Makes one mount, once, and takes it away. A server that has given up the right to mount has another process do it.
package protocol MountKeeper: Sendable {
    /// Makes the mount.
    /// - Throws: `MountError` where it does not come about; nothing is left of it then.
    /// - Returns: The kernel's device for it, which is the caller's to close.
    func mount() throws(MountError) -> CInt

    /// Waits until the mount has answered its first request; false where it has gone before.
    func waitUntilUsable() -> Bool

    /// Takes the mount away, whose device its server has closed; one whose connection `wasCut` may have gone already, and
    /// what is mounted in its place stays. Waits until it is done.
    func takeAway(wasCut: Bool)
}
