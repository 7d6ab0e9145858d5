// What `ovafs images` prints.
// SPDX-License-Identifier: Apache-2.0

import RemoteSources

/// The images of a cloud; its JSON is described in docs/INFO.md.
struct ImageList: Encodable {
    /// The version of this schema.
    private(set) var version = 1
    var images: [Entry]
    /// What could not be found out; not a part of the JSON.
    var warnings: [String] = []

    struct Entry: Encodable {
        let id: String
        let name: String?
        let status: String
        let containerFormat: String?
        let diskFormat: String?
        /// Stored bytes.
        let size: UInt64?
        /// The disk's bytes.
        var virtualSize: UInt64?
    }

    private enum CodingKeys: CodingKey {
        case version
        case images
    }

    init(_ images: [GlanceImage]) {
        self.images = images.map { image in
            Entry(
                id: image.id, name: image.name, status: image.status.word,
                containerFormat: image.containerFormat, diskFormat: image.diskFormat, size: image.byteCount,
                virtualSize: image.virtualByteCount)
        }
    }

    /// For people: a line an image.
    var table: String {
        let rows = images.map { image in
            [
                image.id, image.name ?? "-", image.containerFormat ?? "-", image.diskFormat ?? "-",
                image.size.map(ByteCount.text) ?? "-", image.virtualSize.map(ByteCount.text) ?? "-",
                image.status,
            ]
        }
        let header = ["ID", "NAME", "CONTAINER", "FORMAT", "STORED", "VIRTUAL", "STATUS"]
        return SummaryTable.aligned([header] + rows).map { $0 + "\n" }.joined()
    }
}
