// What opening a package's disks takes of the memory for opening.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

extension PackageOpener {
    /// How often the path of a disk's folder is kept: in its raw path, in `info.json`, in links.
    private static let copiesOfPath: UInt64 = 8
    /// How often text that `info` repeats is kept while it is made.
    private static let copiesOfText: UInt64 = 3

    /// Takes what the path of one more disk in `file` costs: disks times folders, or times the href by which a file that
    /// is missing or in chunks is called.
    func takePath(of reference: FileReference, _ file: PackageFile?) throws(ApplianceError) {
        var byteCount = reference.href.utf8.count
        if let first = file?.members.first {
            byteCount += package.members[first].components.reduce(0) { $0 + $1.count + 16 }
        }
        do throws(ReadError) {
            try resources.budget.take(
                UInt64(byteCount), times: Self.copiesOfPath,
                for: "the path of a disk in \"\(reference.href.quotable())\"")
        } catch {
            throw ApplianceError(error)
        }
    }

    /// Takes what `info` says of each system anew though the descriptor says it once.
    func takeRepeatedText(of envelope: Envelope, _ layouts: [StorageLayout]) throws(ApplianceError) {
        do throws(ReadError) {
            try resources.budget.take(
                EnvelopeCost.repeatedByteCount(of: envelope, layouts), times: Self.copiesOfText,
                for: "what is said of \(envelope.systems.count) systems")
        } catch {
            throw ApplianceError(error)
        }
    }
}

extension PackageOpener {
    /// Takes note of an error that says nothing of the disk, which another attempt may open.
    mutating func noteLoss(_ error: ReadError) {
        guard error.endsOpening(sharing: resources.budget.isHeldByOthers) else { return }
        loss = loss ?? error
    }
}
