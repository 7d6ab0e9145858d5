// An image that many disks may have as a layer.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// An image that is opened once, with the files that it leads to, for all disks that have it as a layer: images never
/// change. Whoever hands out a file that several disks may build on keeps one of these with it. Any thread may use it.
package final class SharedImage: Sendable {
    /// How an image is understood; it may be in more than one way.
    struct Reading: Hashable {
        let content: ParentReference.Content
        let expectedByteCount: UInt64?
    }

    private let opened = SleepingMutex<[Reading: Result<[DiskLayer], ReadError>]>([:])

    package init() {}

    /// The layer of the image and, behind it, those of the files that it leads to; `open` opens them, unless that was tried
    /// before.
    /// - Throws: what `open` threw.
    func layers(
        _ reading: Reading, open: () throws(ReadError) -> [DiskLayer]
    ) throws(ReadError) -> [DiskLayer] {
        if let known = opened.withLock({ $0[reading] }) { return try known.get() }
        let result: Result<[DiskLayer], ReadError>
        do throws(ReadError) {
            result = .success(try open())
        } catch {
            result = .failure(error)
        }
        opened.withLock { $0[reading] = result }
        return try result.get()
    }
}
