// The virtual sizes of images, from their headers.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import ByteSources
import RemoteSources

/// Reads headers of images that the service does not know the virtual size of, one after the other: so many, and for so
/// long, as was agreed.
struct HeaderReading {
    /// Images that are looked into: two requests each, most of them.
    static let mostImages = 200
    /// For one image, in seconds.
    private static let longestWait = 10.0
    /// What is asked for first, in bytes: a block, in which the header of nearly every format is.
    private static let firstByteCount: UInt64 = 256 << 10

    private let client: GlanceClient
    private let access: RemoteAccess
    private let deadline: Deadline

    init(_ client: GlanceClient, through access: RemoteAccess, _ seconds: Double) {
        self.client = client
        var access = access
        access.firstByteCount = Self.firstByteCount
        access.note = { _ in }
        // A store without ranges would send the whole image.
        access.spoolByteLimit = 0
        self.access = access
        deadline = Deadline(after: seconds)
    }

    /// `list` was made of `images`.
    func addVirtualSizes(to list: inout ImageList, of images: [GlanceImage]) {
        var readCount = 0
        var leftCount = 0
        for (index, image) in images.enumerated() where list.images.indices.contains(index) {
            guard image.virtualByteCount == nil, image.containerFormat == "bare", image.unusableReason == nil
            else { continue }
            guard readCount < Self.mostImages, !deadline.hasPassed() else {
                leftCount += 1
                continue
            }
            readCount += 1
            do {
                list.images[index].virtualSize = try virtualSize(of: image)
            } catch {
                list.warnings.append("\(image.shownName): \(error)")
            }
        }
        if leftCount > 0 {
            list.warnings.append(
                "the headers of \(leftCount) more images were not read: at most \(Self.mostImages) are, and no longer "
                    + "than --timeout says")
        }
    }

    private func virtualSize(of image: GlanceImage) throws -> UInt64 {
        var access = access
        access.timeoutInSeconds = min(Self.longestWait, max(0.1, deadline.remaining()))
        let object = try client.object(for: image, until: Deadline(after: access.timeoutInSeconds))
        let source = try RemoteOpener.open(object, through: access)
        let summary = try HeaderSummary(
            of: .remote(source, name: image.fileName, modificationTime: 0), lenient: false)
        return summary.virtualSize
    }
}
