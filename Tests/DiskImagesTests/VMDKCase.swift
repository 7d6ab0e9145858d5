// One row of the case table of docs/FORMATS.md, as an image and what has to come of it.
// SPDX-License-Identifier: Apache-2.0

import DiskImages
import TestSupport
import Testing

/// An image that is unusual in one way.
struct VMDKCase: Sendable, CustomTestStringConvertible {
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
    /// A text that one of the warnings has; nil where there are none at all.
    let warning: String?

    var testDescription: String { row }

    init(_ row: String, _ image: BuiltImage, _ expectation: Expectation, warning: String? = nil) {
        self.row = row
        self.image = image
        self.expectation = expectation
        self.warning = warning
    }

    /// An image of `builder`, of which `change` damages a part and says what comes of it.
    init(
        _ row: String, _ builder: StreamOptimizedBuilder, warning: String? = nil,
        change: (inout BuiltImage) -> Expectation
    ) {
        var image = builder.build()
        let expectation = change(&image)
        self.init(row, image, expectation, warning: warning)
    }

    init(
        _ row: String, _ builder: MonolithicSparseBuilder, warning: String? = nil,
        change: (inout BuiltImage) -> Expectation
    ) {
        var image = builder.build()
        let expectation = change(&image)
        self.init(row, image, expectation, warning: warning)
    }
}

extension StreamOptimizedBuilder {
    /// 40 grains of 8 KiB of every kind, changed by `change`.
    static func usual(_ change: (inout StreamOptimizedBuilder) -> Void = { _ in }) -> StreamOptimizedBuilder {
        var builder = StreamOptimizedBuilder(GrainContent.mixed(40))
        builder.entriesPerTable = 16
        change(&builder)
        return builder
    }
}

extension MonolithicSparseBuilder {
    /// 40 grains of 8 KiB of every kind, changed by `change`.
    static func usual(_ change: (inout MonolithicSparseBuilder) -> Void = { _ in }) -> MonolithicSparseBuilder
    {
        var builder = MonolithicSparseBuilder(GrainContent.mixed(40))
        builder.entriesPerTable = 16
        change(&builder)
        return builder
    }
}
