// The files beside an image that its disk is read from, as users know them.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// A file without which a disk cannot be read, though it is not the image that was opened.
package struct OtherFile: Sendable, Equatable {
    /// What messages call it.
    package let name: String
    package let use: Use
    /// In bytes; of a compressed file what it decodes to.
    package let byteCount: UInt64

    package enum Use: String, Codable, Sendable {
        /// It holds a part of an image.
        case part
        /// It is what an image builds on.
        case parent
    }
}

extension GuestDisk {
    /// The parts of the image, then its parent with that one's parts, and so on; each once for each image.
    package var otherFiles: [OtherFile] {
        var files: [OtherFile] = []
        var index = 0
        while true {
            files += parts(ofLayer: index)
            // A parent was added after its child.
            guard let parent = layers[index].parent, parent > index else { return files }
            files.append(
                OtherFile(
                    name: layers[parent].name, use: .parent, byteCount: layers[parent].file.byteCount))
            index = parent
        }
    }

    /// What the files take that the image itself leads to, without its parents, in bytes.
    package var partByteCount: UInt64 {
        parts(ofLayer: 0).reduce(0) { sum, part in
            let (total, overflow) = sum.addingReportingOverflow(part.byteCount)
            return overflow ? .max : total
        }
    }

    private func parts(ofLayer index: Int) -> [OtherFile] {
        var seen: Set<[UInt8]> = []
        var files: [OtherFile] = []
        for (number, part) in layers[index].image.extentFiles.enumerated() {
            let position = layers[index].firstExtentFile + number
            guard layers.indices.contains(position), seen.insert(part.name).inserted else { continue }
            // What is in front of a part's start belongs to the file, too.
            let front: UInt64 = if case .raw(let start) = part.content { start } else { 0 }
            let (total, overflow) = layers[position].file.byteCount.addingReportingOverflow(front)
            files.append(
                OtherFile(name: layers[position].name, use: .part, byteCount: overflow ? .max : total))
        }
        return files
    }
}
