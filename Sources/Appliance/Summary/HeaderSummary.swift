// What `info --header` says of a disk image.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import DiskImages
import OVFPackage

/// Format and size of a disk image, out of its header alone; its JSON is described in docs/INFO.md.
package struct HeaderSummary: Codable, Sendable {
    /// The version of this schema.
    package private(set) var version = 1
    package let format: String
    /// What the guest sees, in bytes.
    package let virtualSize: UInt64
    /// What the file has, in bytes.
    package let storedSize: UInt64

    /// Reads 64 KiB from the start of `source`, the last sector, and what a VHDX has behind that. Without
    /// `isLenient`, bytes without a mark are a raw disk only where the name does not say otherwise.
    package init(of source: ApplianceSource, lenient isLenient: Bool) throws(ApplianceError) {
        let file: any ByteSource
        let name: [UInt8]
        switch source {
        case .file(let source, let itsName, _), .remote(let source, let itsName, _, _):
            (file, name) = (source, itsName)
        case .folder(_, let descriptorName):
            let kind = descriptorName == nil ? "folder" : "package"
            throw ApplianceError(.damaged, "it is a \(kind), and not a disk image with a header")
        }
        let shownName = String(displaying: name)
        let header: ImageHeader?
        do throws(ReadError) {
            let reader = try OpeningReader(
                file, named: shownName, headByteCount: ImageHeader.headByteCount)
            try Self.checkKind(of: reader)
            header = try DiskImageOpener.header(reader)
        } catch {
            throw ApplianceError(error)
        }
        storedSize = file.byteCount
        if let header {
            format = header.format.rawValue
            virtualSize = header.virtualByteCount
            return
        }
        try Appliance.checkName(name, of: file)
        format = DiskFormat.raw.rawValue
        do throws(ReadError) {
            virtualSize = try file.byteCount.roundedUp(toMultipleOf: 512, in: shownName, at: 0)
            let claim = RawClaim(name: shownName, wasCompressed: false, format: nil, capacity: nil)
            if !isLenient, let reason = claim.refusal(ofByteCount: virtualSize) {
                throw .refused(record: shownName, offset: 0, reason: reason, remedy: .lenient)
            }
        } catch {
            throw ApplianceError(error)
        }
    }

    /// The summary as JSON, with keys in order and a line end.
    package func json() -> [UInt8] {
        JSONText.encode(self)
    }

    private static func checkKind(of reader: OpeningReader) throws(ReadError) {
        guard !TarIndex.isArchive(firstBlock: Array(reader.head.prefix(512))) else {
            throw .unsupported(
                feature: "\(reader.imageName) is an archive, and not a disk image with a header")
        }
    }
}
