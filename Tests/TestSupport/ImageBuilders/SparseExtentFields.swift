// The header that both VMDK builders write.
// SPDX-License-Identifier: Apache-2.0

/// The fields of a hosted sparse extent's header; offsets and sizes in sectors.
struct SparseExtentFields {
    var version: UInt32
    var flags: UInt32
    var capacity: UInt64
    var grainSize: UInt64
    var descriptorOffset: UInt64
    var descriptorSize: UInt64
    var entriesPerTable: UInt32
    var redundantDirectoryOffset: UInt64 = 0
    var directoryOffset: UInt64 = 0
    var overhead: UInt64 = 0
    var isUnclean = false
    var newline: [UInt8] = Array("\n \r\n".utf8)
    var algorithm: UInt16

    var bytes: [UInt8] {
        var header = [UInt8](repeating: 0, count: 512)
        header.put(Array("KDMV".utf8), at: 0)
        header.put(version, at: 4)
        header.put(flags, at: 8)
        header.put(capacity, at: 12)
        header.put(grainSize, at: 20)
        header.put(descriptorOffset, at: 28)
        header.put(descriptorSize, at: 36)
        header.put(entriesPerTable, at: 44)
        header.put(redundantDirectoryOffset, at: 48)
        header.put(directoryOffset, at: 56)
        header.put(overhead, at: 64)
        header.put(UInt8(isUnclean ? 1 : 0), at: 72)
        header.put(newline, at: 73)
        header.put(algorithm, at: 77)
        return header
    }

    /// A descriptor as writers embed it.
    static func descriptor(
        createType: String, capacity: UInt64, fileName: String = "disk.vmdk", parentCID: String = "ffffffff"
    ) -> String {
        """
        # Disk DescriptorFile
        version=1
        CID=12345678
        parentCID=\(parentCID)
        createType="\(createType)"

        # Extent description
        RW \(capacity) SPARSE "\(fileName)"

        # The Disk Data Base
        #DDB
        ddb.adapterType = "lsilogic"
        ddb.virtualHWVersion = "9"

        """
    }
}
