// What is questionable about a package though it can be read.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// One questionable thing: a stable short code for programs, a sentence for people.
package struct PackageWarning: Sendable, Equatable {
    /// The kind of finding; never renamed once it was released.
    package let code: Code
    /// What is wrong and where, in one line.
    package let message: String
    /// The line of the descriptor or manifest, from 1; nil where the finding is not about a line.
    package let line: Int?
    /// What the user can ask for so that it is otherwise; nil where nothing helps.
    package let remedy: Remedy?

    package init(_ code: Code, _ message: String, line: Int? = nil, remedy: Remedy? = nil) {
        self.code = code
        self.message = message
        self.line = line
        self.remedy = remedy
    }
}

extension PackageWarning: CustomStringConvertible {
    package var description: String {
        guard let line else { return "\(code.rawValue): \(message)" }
        return "\(code.rawValue): \(message) (line \(line))"
    }
}

extension PackageWarning {
    /// The kinds of finding.
    package enum Code: String, Sendable, CaseIterable {
        case more = "more-findings"

        // The archive.
        case archiveDamaged = "archive-damaged"
        case archiveEndMissing = "archive-end-missing"
        case memberCutShort = "member-cut-short"
        case transferIncomplete = "transfer-incomplete"
        case memberOverUstarLimit = "member-over-ustar-limit"
        case memberSkipped = "member-skipped"
        case memberDuplicate = "member-duplicate"
        case memberUnknownType = "member-unknown-type"
        case memberOrder = "member-order"
        case nameHostile = "name-hostile"
        case nameTooLong = "name-too-long"
        case descriptorNotFirst = "descriptor-not-first"
        case descriptorSeveral = "descriptor-several"
        case descriptorMissing = "descriptor-missing"
        case descriptorUnusable = "descriptor-unusable"
        case manifestName = "manifest-name"
        case manifestMissing = "manifest-missing"

        // The descriptor.
        case envelopeNamespace = "envelope-namespace"
        case elementMissing = "element-missing"
        case collectionEmpty = "collection-empty"
        case valueInvalid = "value-invalid"
        case identifierMissing = "identifier-missing"
        case identifierDuplicate = "identifier-duplicate"
        case fileReferenceMissing = "file-reference-missing"
        case fileReferenceDangling = "file-reference-dangling"
        case fileUnreferenced = "file-unreferenced"
        case fileMissing = "file-missing"
        case fileSizeWrong = "file-size-wrong"
        case hrefInexact = "href-inexact"
        case hrefAmbiguous = "href-ambiguous"
        case hrefRefused = "href-refused"
        case chunkMissing = "chunk-missing"
        case chunkSizeWrong = "chunk-size-wrong"
        case chunkWhole = "chunk-whole"
        case compressionUnknown = "compression-unknown"
        case capacityMissing = "capacity-missing"
        case unitUnknown = "unit-unknown"
        case propertyUnknown = "property-unknown"
        case parentDangling = "parent-dangling"
        case parentCycle = "parent-cycle"
        case diskUnused = "disk-unused"
        case hostResourceUnknown = "host-resource-unknown"
        case hostResourceDangling = "host-resource-dangling"
        case controllerMissing = "controller-missing"
        case adapterUnknown = "adapter-unknown"
        case busAddressShared = "bus-address-shared"
        case systemTypeUnknown = "system-type-unknown"
        case configurationUnknown = "configuration-unknown"
        case rootDiskDiffers = "root-disk-differs"
        case rootDiskMissing = "root-disk-missing"

        // The disks.
        case capacityWrong = "capacity-wrong"
        case formatWrong = "format-wrong"
        case imageQuestionable = "image-questionable"
        case guestLooksLikeImage = "guest-looks-like-image"
        case diskNotDecoded = "disk-not-decoded"
        case partitionTableUnreadable = "partition-table-unreadable"
        case partitionTableDamaged = "partition-table-damaged"
        case partitionTableHybrid = "partition-table-hybrid"
        case partitionOutside = "partition-outside"
        case partitionOverlap = "partition-overlap"
        case snapshotsNotShown = "snapshots-not-shown"

        // The manifest and the certificate.
        case manifestUnreadable = "manifest-unreadable"
        case manifestLineUnreadable = "manifest-line-unreadable"
        case manifestDuplicate = "manifest-duplicate"
        case manifestSpelling = "manifest-spelling"
        case manifestSpacing = "manifest-spacing"
        case manifestListsItself = "manifest-lists-itself"
        case manifestFileAbsent = "manifest-file-absent"
        case manifestWeakDigest = "manifest-weak-digest"
        case manifestUnlisted = "manifest-unlisted"
    }
}
