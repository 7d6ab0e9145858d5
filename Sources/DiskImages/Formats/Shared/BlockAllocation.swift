// How much of a disk is stored whose blocks may be there in part.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// An image of blocks, of which bitmaps say what is stored.
protocol BlockwiseImage: DiskImage {
    /// Guest bytes of a block.
    var blockByteCount: UInt64 { get }

    /// The extent that holds `offset`, without a look at bitmaps.
    func wholeExtent(containing offset: UInt64) throws(ReadError) -> Extent

    /// How much of `extent`, which is stored from byte `start` of the file on, the bitmap of its block says is there.
    func storedByteCount(in extent: Extent, at start: UInt64) throws(ReadError) -> UInt64
}

/// The number of guest bytes that an image stores, found when it is first asked for.
final class BlockAllocation: Sendable {
    /// Up to this many blocks, 8 GiB of disk at the usual sizes, bitmaps are read to count exactly.
    static let maximumBlockCount: UInt64 = 4_096

    /// What the blocks come to when all that are there are there whole.
    private let most: Allocation
    private let found = CountedOnce()

    init(_ most: UInt64, isEstimate: Bool) {
        self.most = Allocation(byteCount: most, isEstimate: isEstimate)
    }

    /// For a thread that may wait.
    func result(of image: some BlockwiseImage) -> Allocation {
        (try? Patience.waits.during { () throws(ReadError) in try count(of: image) })
            ?? Allocation(byteCount: most.byteCount, isEstimate: true)
    }

    /// - Throws: `ReadError.wouldWait` where this thread may not wait, and would have to.
    func count(of image: some BlockwiseImage) throws(ReadError) -> Allocation {
        do throws(ReadError) {
            return try found.value { () throws(ReadError) in try exact(image) }
        } catch {
            // The next caller counts again: the bitmaps may be readable then.
            guard !error.isAboutTheReader else { throw error }
            return Allocation(byteCount: most.byteCount, isEstimate: true)
        }
    }

    private func exact(_ image: some BlockwiseImage) throws(ReadError) -> Allocation {
        let blockCount = most.byteCount / image.blockByteCount
        guard !most.isEstimate, blockCount <= Self.maximumBlockCount else {
            return Allocation(byteCount: most.byteCount, isEstimate: true)
        }
        var sum: UInt64 = 0
        var position: UInt64 = 0
        while position < image.virtualByteCount {
            let extent = try image.wholeExtent(containing: position)
            switch extent.storage {
            case .stored(let start): sum += try image.storedByteCount(in: extent, at: start)
            case .zeros, .absent: break
            // What is damaged counts as data.
            case .compressed, .elsewhere, .damaged: sum += extent.byteCount
            }
            position = extent.guestEnd
        }
        return Allocation(byteCount: sum, isEstimate: false)
    }
}
