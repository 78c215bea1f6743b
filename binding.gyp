{
  # Builds from source where there is no prebuild (npx node-gyp rebuild); everywhere else CMakeLists.txt builds.
  "targets": [
    {
      "target_name": "widehead",
      "sources": [
        "<!@(node -p \"require('fs').readFileSync('native/sources.txt', 'utf8').trim().split(/\\s+/).map((f) => 'native/' + f).join(' ')\")",
        "<!@(node -p \"require('fs').readdirSync('native/addon').filter((f) => f.endsWith('.cc')).map((f) => 'native/addon/' + f).join(' ')\")"
      ],
      "include_dirs": ["native", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_CPP_EXCEPTIONS",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++14", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++17", "-O3", "-Wall", "-Wextra", "-fexceptions", "-ffp-contract=off", "-fno-math-errno",
        "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-pthread"
      ],
      "xcode_settings": {
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
        "GCC_OPTIMIZATION_LEVEL": "3",
        "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off", "-fno-math-errno"]
      },
      "msvs_settings": {
        "VCCLCompilerTool": {"ExceptionHandling": 1, "AdditionalOptions": ["/std:c++17", "/fp:precise"]}
      },
      "conditions": [["OS=='linux'", {"libraries": ["-ldl", "-pthread"]}]]
    }
  ]
}
