import { exactnessOf } from './grid.js'

exactnessOf("custom: Bouchard's bound")
