// A disk of an appliance: where it is stored, what it decodes to, or why it does not.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import DiskImages
package import OVFPackage

/// A disk that a descriptor declares, or a disk image by itself.
package struct ApplianceDisk: Sendable {
    /// The descriptor's diskId; the file's name where there is no descriptor.
    package let identifier: String
    /// The stored name that the disk was found by; empty for a disk without a file.
    package let storedName: [UInt8]
    /// Bytes that the package stores for the disk, with the files that its image is made of.
    package internal(set) var storedByteCount: UInt64
    /// The last modification, in seconds since 1970.
    package let modificationTime: Int64
    package let content: Content
    /// The package's members that hold the disk, as indices of its list; empty for a disk image by itself.
    let memberIndices: [Int]
    /// The stored bytes: one file, or its pieces joined; nil for a disk without a file.
    let stored: (any ByteSource)?
    /// What is questionable about the disk though it can be read.
    package let warnings: [PackageWarning]
    /// Where the raw file is, as names below the mount's root; nil where the disk is not decoded.
    package internal(set) var rawPath: [[UInt8]]?
    /// What the raw file is called in one folder with all others, as `ovafs extract` makes it; nil where the disk is
    /// not decoded.
    package internal(set) var copyName: [UInt8]?
    /// What its partition table lists; nil where there is none, and where the disk is not decoded.
    package internal(set) var partitions: DiskPartitions?
    /// The earlier states that the image keeps; nil where there are none.
    package internal(set) var snapshots: DiskSnapshots?
    /// What is questionable about partitions and snapshots: the disk itself is as it should be.
    package internal(set) var partWarnings: [PackageWarning] = []
    /// The other files that it is read from, where there is memory to list them.
    package internal(set) var files: [OtherFile] = []
    /// What reads of it have met, in this mount.
    let metDamage = MetDamage()

    /// Whether it is behind a network, where each look at something costs a round trip.
    var isRemote = false
    /// What the descriptor says is stored, in guest bytes; nil where it does not.
    var populatedByteCount: UInt64?

    package enum Content: Sendable {
        case decoded(GuestDisk)
        /// Its image had not come when it was shown.
        case coming(ComingDisk)
        /// No file backs the disk: it is one hole.
        case empty(ZeroSource)
        /// One line that says why, and what the user can ask for instead.
        case unreadable(reason: String, remedy: Remedy? = nil)
    }

    /// The guest's bytes; nil where the disk is not decoded.
    package var source: (any ByteSource)? {
        switch content {
        case .decoded(let disk): disk
        case .coming(let disk): disk
        case .empty(let zeros): zeros
        case .unreadable: nil
        }
    }

    /// What keeps partitions or snapshots from being shown, or from being shown whole.
    package var lostParts: [PackageWarning] {
        partWarnings.filter { $0.code.isLoss || $0.code == .partitionOutside }
    }

    /// What is known of an end that its file lacks; nil where nothing is.
    package var missingEnd: PackageWarning? { warnings.first { MissingEnd.isMeant(by: $0.message) } }

    /// What `user.ova.state` says now: `ok` as long as nothing is known to be wrong.
    var state: String {
        // That something had not come is over when it has.
        let found = (warnings + laterFindings + lostParts).filter { $0.code != .transferIncomplete }
        let known =
            [arrival].compactMap(\.self) + found.map(\.message) + [metDamage.words()].compactMap(\.self)
        return known.isEmpty ? "ok" : known.joined(separator: "; ")
    }

    /// The name of the raw file, for people.
    package var rawFileName: String {
        String(displaying: copyName ?? rawPath?.last ?? Array(identifier.utf8))
    }

    /// Whether a user may mean this disk by `name`: its id, its stored name, the name of its raw file or of its copy.
    package func isCalled(_ name: [UInt8]) -> Bool {
        storedName == name || copyName == name || rawPath?.last == name
            || Array(identifier.utf8) == name
            || rawPath.map(\.joinedBySlashes) == name
    }

    /// Guest bytes that are stored rather than known to be zero.
    /// - Throws: `ReadError.wouldWait` where this thread may not wait for the count.
    func countAllocatedBytes() throws(ReadError) -> UInt64 {
        guard case .decoded(let disk) = content else { return allocatedByteCount }
        return try disk.countAllocatedBytes()
    }

    /// What is taken for the guest bytes that are stored where looking at tables costs too much: above 0 and below the disk's
    /// length, so that programs look for holes.
    private func estimatedByteCount(of disk: any ByteSource) -> UInt64 {
        min(max(512, populatedByteCount ?? storedByteCount), disk.byteCount - min(disk.byteCount, 512))
    }

    /// Which guest bytes `error`, met by a read of `range`, is about, and where they are stored; for the log.
    func place(of error: ReadError, in range: Range<UInt64>) -> String? {
        guard let bytes = guest?.bytes(damagedBy: error, in: range), !bytes.isEmpty
        else { return nil }
        let file = storedName.isEmpty ? "" : ", stored in \(String(displaying: storedName))"
        return "guest bytes \(bytes.lowerBound) to \(bytes.upperBound - 1)\(file)"
    }

    /// Guest bytes that are stored rather than known to be zero.
    package var allocatedByteCount: UInt64 {
        switch content {
        case .decoded(let disk): isRemote ? estimatedByteCount(of: disk) : disk.allocatedByteCount
        case .coming(let disk): estimatedByteCount(of: disk)
        case .empty, .unreadable: 0
        }
    }

    /// Whether `allocatedByteCount` is an estimate.
    package var allocationIsEstimate: Bool {
        switch content {
        case .decoded(let disk): isRemote || disk.allocationIsEstimate
        case .coming: true
        case .empty, .unreadable: false
        }
    }

    /// What `info` and `user.ova.format` call the disk's format.
    package var formatName: String {
        switch content {
        case .decoded, .coming: format?.rawValue ?? "unknown"
        case .empty: "none"
        case .unreadable: "unknown"
        }
    }
}
