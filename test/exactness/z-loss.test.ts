import { exactnessOf } from './grid.js'

exactnessOf('Z-loss')
