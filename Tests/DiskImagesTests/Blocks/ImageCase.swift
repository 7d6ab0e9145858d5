// One row of a format's table in docs/FORMATS.md, as an image and what has to come of it.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import TestSupport
import Testing

@testable import DiskImages

/// An image that is unusual in one way.
struct ImageCase: Sendable, CustomTestStringConvertible {
    enum Expectation: Sendable {
        /// The whole disk is read.
        case read
        /// Reads of these guest bytes fail; the rest is read.
        case damaged([Range<UInt64>])
        /// The image does not open, and the error has this text in it.
        case refused(String)
    }

    let row: String
    let image: BuiltImage
    let expectation: Expectation
    /// A text that one of the warnings has; nil where there are none but of a cut.
    let warning: String?
    /// Whether the image is a part of a disk, as a descriptor names it.
    var isPart = false

    var testDescription: String { row }

    init(_ row: String, _ image: BuiltImage, _ expectation: Expectation = .read, warning: String? = nil) {
        self.row = row
        self.image = image
        self.expectation = expectation
        self.warning = warning
    }

    /// `image`, of which `change` damages a part and says what comes of it.
    init(
        _ row: String, _ image: BuiltImage, warning: String? = nil,
        change: (inout BuiltImage) -> Expectation
    ) {
        var image = image
        let expectation = change(&image)
        self.init(row, image, expectation, warning: warning)
    }

    /// The same for a part of a disk.
    var asPart: ImageCase {
        var result = self
        result.isPart = true
        return result
    }

    func open() throws(ReadError) -> OpenedImage { try OpenedImage(image, isPart: isPart) }
}

extension OpenedImage {
    init(_ image: BuiltImage, isPart: Bool) throws(ReadError) {
        try self.init(
            image.source, named: "disk",
            options: .init(budget: OpeningBudget(), formats: isPart ? [PartFormat.self] : []))
    }
}

/// Any file as a part of a VMDK disk.
enum PartFormat: DiskImageFormat {
    static let name = "part"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool { true }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        try VMDKExtentOpener.open(reader, tables: tables, options: options)
    }
}

extension BuiltImage {
    /// What is left of grain `index` behind its first `byteCount` bytes, in guest bytes.
    func rest(ofGrain index: Int, behind byteCount: UInt64) -> Range<UInt64> {
        let range = guestRange(ofGrain: index)
        return (range.lowerBound + byteCount)..<range.upperBound
    }

    /// Cuts the file `byteCount` bytes behind the start of grain `index`.
    mutating func cut(inGrain index: Int, at byteCount: Int) {
        bytes.removeLast(bytes.count - grainOffset(index) - byteCount)
    }

    /// The same with `change`.
    func with(_ change: (inout BuiltImage) -> Void) -> BuiltImage {
        var result = self
        change(&result)
        return result
    }
}
