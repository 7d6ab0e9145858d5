// How a VMDK descriptor that is a file of its own is recognised and opened.
// SPDX-License-Identifier: Apache-2.0

import ByteSources

/// twoGbMaxExtentSparse, monolithicFlat, vmfs and all others whose data lies in files of their own.
enum VMDKDescriptorFormat: DiskImageFormat {
    static let name = "VMDK descriptor"

    static func recognises(_ head: ArraySlice<UInt8>, of source: any ByteSource) -> Bool {
        VMDKDescriptor.isDescriptor(head)
    }

    static func open(
        _ reader: OpeningReader, tables: TableCache, options: DiskImageOpener.Options
    ) throws(ReadError) -> any DiskImage {
        guard reader.byteCount <= UInt64(VMDKDescriptor.maximumByteCount) else {
            throw .unsupported(
                feature: "\(reader.imageName) is a VMDK descriptor of \(reader.byteCount) bytes; at most "
                    + "\(VMDKDescriptor.maximumByteCount) are read")
        }
        let record = try reader.record("descriptor", byteCount: Int(reader.byteCount), at: 0)
        return try VMDKDescriptorImage(record, named: reader.imageName, budget: options.budget)
    }
}
