// swift-tools-version: 6.2
// The targets of ovafs and which of them may import which: docs/ARCHITECTURE.md says why.
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

/// Optimised in debug builds as well, or the tests take three times as long; what is asserted stays.
let hotSettings: [SwiftSetting] =
    settings + [
        .unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))
    ]

let package = Package(
    name: "ovafs",
    products: [
        .executable(name: "ovafs", targets: ["ovafs"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
        .package(url: "https://github.com/apple/swift-asn1", .upToNextMinor(from: "1.7.4")),
        .package(url: "https://github.com/apple/swift-certificates", .upToNextMinor(from: "1.21.1")),
        .package(url: "https://github.com/apple/swift-crypto", .upToNextMinor(from: "4.5.2")),
        .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
        .package(url: "https://github.com/apple/swift-system", .upToNextMinor(from: "1.8.1")),
    ],
    targets: [
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CDeflate", pkgConfig: "libdeflate", providers: [.apt(["libdeflate-dev"])]),
        .systemLibrary(name: "CBzip2", providers: [.apt(["libbz2-dev"])]),
        .systemLibrary(name: "CFuse", pkgConfig: "fuse3", providers: [.apt(["libfuse3-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
        .target(
            name: "ByteSources",
            dependencies: ["CLinux", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: hotSettings),
        .target(
            name: "Codecs",
            dependencies: ["ByteSources", "CBzip2", "CDeflate", "CLZMA", "CZlib", "CZstd"],
            swiftSettings: hotSettings),
        .target(
            name: "CompressedSources",
            dependencies: ["ByteSources", "Codecs"],
            swiftSettings: hotSettings),
        .target(
            name: "DiskImages",
            dependencies: ["ByteSources", "Codecs"],
            swiftSettings: hotSettings),
        .target(
            name: "OVFPackage",
            dependencies: [
                "ByteSources", "CXML2", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: hotSettings),
        .target(
            name: "Partitions",
            dependencies: ["ByteSources"],
            swiftSettings: settings),
        .target(
            name: "RemoteSources",
            dependencies: [
                "ByteSources", "CCurl", "CLinux", "CYAML", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .target(
            name: "FileTree",
            dependencies: ["ByteSources"],
            swiftSettings: hotSettings),
        .target(
            name: "Appliance",
            dependencies: [
                "ByteSources", "CLinux", "CompressedSources", "DiskImages", "OVFPackage", "FileTree",
                "Partitions",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .target(
            name: "Catalogue",
            dependencies: ["Appliance", "ByteSources", "FileTree", "RemoteSources"],
            swiftSettings: settings),
        .target(
            name: "FuseServer",
            dependencies: [
                "ByteSources", "FileTree", "CFuse", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: hotSettings),
        .executableTarget(
            name: "ovafs",
            dependencies: [
                "Appliance", "ByteSources", "Catalogue", "CLinux", "DiskImages", "FileTree", "FuseServer",
                "OVFPackage", "RemoteSources",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        // Not a product: `make fuzz` builds and runs it.
        .executableTarget(
            name: "ovafs-fuzz",
            dependencies: [
                "Appliance", "ByteSources", "Catalogue", "CompressedSources", "DiskImages", "FileTree",
                "OVFPackage", "Partitions", "RemoteSources", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            path: "Fuzz",
            swiftSettings: settings),
        .target(
            name: "TestSupport",
            dependencies: ["ByteSources", "DiskImages", "CDeflate", "CZstd"],
            path: "Tests/TestSupport",
            swiftSettings: hotSettings),
        .testTarget(
            name: "ByteSourcesTests",
            dependencies: [
                "ByteSources", "TestSupport", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CompressedSourcesTests",
            dependencies: [
                "ByteSources", "Codecs", "CompressedSources", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "DiskImagesTests",
            dependencies: [
                "ByteSources", "DiskImages", "TestSupport", .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "OVFPackageTests",
            dependencies: [
                "ByteSources", "CompressedSources", "OVFPackage", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "PartitionsTests",
            dependencies: ["ByteSources", "Partitions", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "RemoteSourcesTests",
            dependencies: [
                "ByteSources", "CCurl", "RemoteSources", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "FileTreeTests", dependencies: ["ByteSources", "FileTree", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "ApplianceTests",
            dependencies: [
                "Appliance", "ByteSources", "DiskImages", "FileTree", "OVFPackage", "Partitions",
                "TestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CatalogueTests",
            dependencies: [
                "Appliance", "ByteSources", "Catalogue", "FileTree", "RemoteSources", "TestSupport",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "FuseServerTests",
            dependencies: [
                "ByteSources", "FileTree", "FuseServer", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "OvafsTests",
            dependencies: [
                "Appliance", "ByteSources", "FuseServer", "ovafs", "RemoteSources", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "ByteSources", "DiskImages", "FileTree", "FuseServer", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
