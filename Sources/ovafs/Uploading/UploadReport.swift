// What `ovafs upload --json` prints.
// SPDX-License-Identifier: Apache-2.0

import RemoteSources

/// An image that was made; its JSON is described in docs/INFO.md.
struct UploadReport: Encodable {
    /// The version of this schema.
    private(set) var version = 1
    let id: String
    let name: String?
    let status: String
    let containerFormat: String?
    let diskFormat: String?
    /// Stored bytes.
    let size: UInt64?
    /// The disk's bytes.
    let virtualSize: UInt64?
    /// The service's own, such as `sha512`, and its hexadecimal digits.
    let digestAlgorithm: String?
    let digest: String?
    /// Whether that was compared with what was sent.
    let isCompared: Bool

    init(_ outcome: GlanceUpload.Outcome) {
        let image = outcome.image
        id = image.id
        name = image.name
        status = image.status.word
        containerFormat = image.containerFormat
        diskFormat = image.diskFormat
        size = image.byteCount
        virtualSize = image.virtualByteCount
        digestAlgorithm = image.digestAlgorithm
        digest = image.digest
        isCompared = outcome.isCompared
    }
}
