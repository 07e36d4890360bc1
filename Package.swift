// swift-tools-version: 6.1
import PackageDescription

// Rooms, bottom first; an arrow points downwards only (ARCHITECTURE.md). The shim's import tree holds no Foundation and no
// dependency: a `docker ps` costs what a C program that only execs costs, nearly (Benchmarks/README.md).
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // Generic types are looked up by calls, not by names that the runtime would parse at a program's start: a build's
    // decision executes a quarter fewer instructions.
    .unsafeFlags(
        ["-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"], .when(configuration: .release)),
]

/// A release binary runs where nothing else is installed: Alpine, distroless, an empty root. Debug builds stay dynamic,
/// so that `swift build` and `swift test` work as everywhere. Without symbols a package is half the size.
let fullyStatic: [LinkerSetting] = [
    .unsafeFlags(["-static-executable", "-Xlinker", "-s"], .when(configuration: .release))
]

func room(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, uses dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name)] + dependencies,
        resources: resources,
        swiftSettings: strict
    )
}

let package = Package(
    name: "slipway",
    products: [
        .executable(name: "docker", targets: ["docker"]),
        .executable(name: "slipway", targets: ["slipway"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: [
        .target(name: "CHash"),
        room("Formats", uses: ["CHash"]),
        room("Notes", uses: ["Formats"]),
        .systemLibrary(name: "CLinux"),
        room("Host", uses: ["CLinux", "Formats"]),
        room("DockerCommandLine", uses: ["Formats"]),
        room("DockerfileLint", uses: ["Formats"]),
        room("PathMap", uses: ["Formats"]),
        room("Git", uses: ["Formats", "Host"]),
        room("Engine", uses: ["Formats", "Notes", "Host", "PathMap"]),
        room("CacheUnion", uses: ["Formats"]),
        room("BuildCache", uses: ["Formats", "Notes", "Host", "Git", "CacheUnion"]),
        room("WorkingTree", uses: ["Formats", "Host", "Git"]),
        room("History", uses: ["Formats", "Notes", "Host", "BuildCache", "WorkingTree"]),
        room("Planning", uses: ["Formats", "Notes", "DockerCommandLine", "PathMap"]),
        room(
            "Shim",
            uses: [
                "Formats", "Notes", "Host", "Git", "DockerCommandLine", "DockerfileLint", "Engine", "BuildCache",
                "PathMap", "Planning", "WorkingTree", "History",
            ]),
        .target(
            name: "Warm", dependencies: ["Engine", "Formats", "Host", "Planning"],
            resources: [.embedInCode("Scripts")], swiftSettings: strict),
        room("Sandbox", uses: ["Engine", "Formats", "Host", "Planning"]),
        room("Loading", uses: ["DockerCommandLine", "Engine", "Formats", "Notes"]),
        room("Remote", uses: ["Formats", "Notes", "Host", "BuildCache", "Planning"]),
        room("Report", uses: ["Formats", "Notes", "History", "Planning"]),
        room(
            "Doctor",
            uses: [
                "Formats", "Notes", "Host", "Git", "Engine", "BuildCache", "PathMap", "Planning", "WorkingTree", "Shim",
                "Remote",
            ]),
        .executableTarget(
            name: "docker", dependencies: ["Shim"], swiftSettings: strict, linkerSettings: fullyStatic),
        .executableTarget(
            name: "slipway",
            dependencies: [
                "Formats", "Notes", "Host", "Git", "DockerCommandLine", "Engine", "BuildCache", "PathMap", "Planning",
                "Shim", "Remote", "Report", "Doctor", "Warm", "Sandbox", "Loading", "DockerfileLint", "WorkingTree",
                "History",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict,
            linkerSettings: fullyStatic
        ),
        .target(
            name: "TestSupport", dependencies: ["Formats", "Host"], path: "Tests/TestSupport", swiftSettings: strict),
        tests(of: "Formats", uses: ["TestSupport"], resources: [.copy("sha256.txt")]),
        tests(of: "Notes", uses: ["Formats"]),
        tests(of: "Host", uses: ["CLinux", "Formats", "TestSupport"]),
        tests(
            of: "DockerCommandLine", uses: ["Formats"], resources: [.copy("corpus.txt"), .copy("flags.json")]),
        tests(of: "DockerfileLint", uses: ["Formats"], resources: [.copy("Corpus")]),
        tests(of: "PathMap", uses: ["Formats", "TestSupport"]),
        tests(of: "Engine", uses: ["Formats", "Notes", "Host", "PathMap", "TestSupport"]),
        tests(of: "Git", uses: ["Formats", "Host", "TestSupport"]),
        tests(of: "BuildCache", uses: ["Formats", "Notes", "Host", "Git", "TestSupport"]),
        tests(of: "CacheUnion", uses: ["Formats", "TestSupport"]),
        tests(of: "WorkingTree", uses: ["Formats", "Host", "Git", "BuildCache", "TestSupport"]),
        tests(of: "History", uses: ["Formats", "Notes", "Host", "WorkingTree", "TestSupport"]),
        tests(of: "Planning", uses: ["Formats", "Notes", "DockerCommandLine", "PathMap", "TestSupport"]),
        tests(
            of: "Shim",
            uses: [
                "BuildCache", "DockerfileLint", "Engine", "Formats", "Notes", "Host", "DockerCommandLine", "PathMap",
                "Planning", "TestSupport",
            ]),
        tests(of: "Warm", uses: ["Engine", "Formats", "Host", "Planning", "TestSupport"]),
        tests(of: "Sandbox", uses: ["Engine", "Formats", "Host", "Planning", "TestSupport"]),
        tests(of: "Loading", uses: ["DockerCommandLine", "Engine", "Formats", "Host", "Notes"]),
        tests(of: "Remote", uses: ["Formats", "Notes", "Host", "BuildCache", "Planning", "TestSupport"]),
        tests(of: "Report", uses: ["Formats", "Notes", "History", "TestSupport"]),
        tests(
            of: "slipway",
            uses: [
                "DockerfileLint", "Formats", "Host", "Notes", "Planning", "History", "TestSupport", "Warm",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests(
            of: "Doctor",
            uses: [
                "CLinux", "Formats", "Notes", "Host", "Engine", "BuildCache", "PathMap", "Planning", "Remote", "Shim",
                "TestSupport",
            ]),
    ]
)
